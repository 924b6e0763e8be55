"""Spring Cloud Contract's `multipart`: what is asked of the parts of a request's body.
https://docs.spring.io/spring-cloud-contract/reference/project-features-contract/common-top-elements.html
"""

from collections.abc import Iterator, Mapping
from functools import partial
from typing import Any

from monitor.contracts.formats.spring_matchers import Matchers, equals, text_of
from monitor.contracts.forms import FormPart
from monitor.contracts.matching.parts import Part
from monitor.contracts.matching.predicates import asked_part, see_parts, some
from monitor.contracts.matching.rules import Ask, ask
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_OF_FILES = ("fileContent", "fileName")


def multipart(
    request: Mapping[str, Any], matchers: Matchers, where: str, clause: str
) -> Iterator[Part]:
    """A part of the matcher for each parameter and each file. Raises ContractError for what cannot
    be read.
    """
    held, pointer = request["multipart"], f"{clause}/multipart"
    told = request.get("matchers")
    rules = told.get("multipart") if isinstance(told, dict) else None
    params, files = _params_and_files(held, where, pointer)
    asked, asked_files = _params_and_files(rules or {}, where, f"{clause}/matchers/multipart")
    asked_of = {str(each.get("key")): each for each in asked if isinstance(each, dict)}
    for name, value in params.items() if isinstance(params, dict) else ():
        check = _check(value, asked_of.get(name), matchers, pointer)
        yield _one(name, {"fileContent": check}, f"{pointer}/params/{escaped(name)}")
    of_file = {str(each.get("paramName")): each for each in asked_files if isinstance(each, dict)}
    for index, file in enumerate(files):
        place = f"{pointer}/named/{index}"
        if not isinstance(file, dict) or not isinstance(file.get("paramName"), str):
            raise ContractError(f"{where}: {place} names no paramName", place)
        rule = of_file.get(file["paramName"], {})
        checks = {
            word: _check(file.get(word), rule.get(word), matchers, place)
            for word in _OF_FILES
            if word in file or word in rule
        }
        yield _one(file["paramName"], checks, place)


def _params_and_files(held: Any, where: str, pointer: str) -> tuple[Any, list[Any]]:
    if not isinstance(held, dict) or not isinstance(held.get("named") or [], list):
        raise ContractError(f"{where}: {pointer} has no params and no list `named`", pointer)
    return held.get("params") or {}, held.get("named") or []


def _check(value: Any, matcher: Any, matchers: Matchers, pointer: str) -> Ask:
    """A command of the provider's own asks for nothing that could be told."""
    if not isinstance(matcher, dict):
        return equals(text_of(value))
    rules = matchers.rule(matcher, pointer)
    return (lambda _: None) if rules is None else ask(rules, "", text=True)


def _one(name: str, checks: Mapping[str, Ask], clause: str) -> Part:
    fits = partial(_fits, name, checks)
    return asked_part(see_parts, some(fits), "multipart", f"/body/{escaped(name)}", clause)


def _fits(name: str, checks: Mapping[str, Ask], part: FormPart) -> bool | None:
    if part.name != name:
        return False
    texts = {"fileContent": part.content.decode("utf-8", "replace"), "fileName": part.file_name}
    answers = [check(texts[word]) for word, check in checks.items()]
    return False if False in answers else None if None in answers else True
