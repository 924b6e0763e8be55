"""Mountebank's imposters into the intermediate form. https://www.mbtest.dev/docs/api/contracts

Predicates and behaviours that run code are refused: nobody can tell what they ask.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from monitor.contracts.form import Delay, Interaction, Left, Promise, by_example
from monitor.contracts.formats.mountebank_values import (
    Compare,
    all_of_them,
    no_other,
    none_of_it,
    one_of_them,
    selected_by,
)
from monitor.contracts.formats.naming import PENDING_WORD, delay_ms, entries_of, unique
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.answers import answer_body, answer_headers, is_templated
from monitor.contracts.matching.call import plain_path
from monitor.contracts.matching.jsonpath import Find, compile_path
from monitor.contracts.matching.parts import Part, status_part
from monitor.contracts.matching.patterns import literal_prefix
from monitor.contracts.matching.predicates import (
    See,
    asked_part,
    see_header,
    see_json,
    see_method,
    see_path,
    see_query,
    see_text,
)
from monitor.contracts.matching.work import EXAMPLE, Work
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_COMPARED = ("equals", "deepEquals", "contains", "startsWith", "endsWith", "matches", "exists")
_FIELDS = ("method", "path", "body", "query", "headers", "form")
_OF_IMPOSTERS = frozenset({"stubs", "port"})
_DEFAULTED = ("statusCode", "headers", "body", "_mode")
_COPYING = ("copy", "lookup")
_DEEPEST = 20


def is_mountebank(document: Mapping[str, Any]) -> bool:
    """Whether a document is an imposter, or holds several. One of its own needs no stubs."""
    return isinstance(document.get("imposters"), list) or (
        "protocol" in document and not _OF_IMPOSTERS.isdisjoint(document)
    )


def read_mountebank(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of one imposter, or of all. Raises ContractError, saying where, also for what
    runs code.
    """
    entries = entries_of(document, "imposters")
    left: list[Left] = []
    named: dict[str, int] = {}
    interactions: list[Interaction] = []
    work = Work(where)
    for entry, clause in entries:
        if not isinstance(entry, dict):
            refuse_no_object("imposter", entry, where, clause)
        if entry.get("protocol") not in ("http", "https"):
            left.append(
                Left(
                    f"{clause}/protocol",
                    f"imposters of {str(entry.get('protocol'))[:20]!r} are not judged",
                )
            )
            continue
        stubs = entry.get("stubs", [])
        if not isinstance(stubs, list):
            raise ContractError(f"{where}: {clause}/stubs is no list", f"{clause}/stubs")
        for index, stub in enumerate(stubs):
            at = f"{clause}/stubs/{index}"
            if not isinstance(stub, dict):
                refuse_no_object("stub", stub, where, at)
            work.spend(EXAMPLE, at)
            title = str(entry.get("name") or f"imposter {entry.get('port', '')}".strip())
            held = _Stub(stub, at, work, left, entry.get("defaultResponse"))
            interactions += held.interactions(index, title, named)
            if len(interactions) > limits.operations:
                raise ContractError(
                    f"{where}: more than {limits.operations} stubs; split the file"
                )
    return by_example(interactions, left=tuple(left))


def refuse_no_object(what: str, node: object, where: str, clause: str) -> NoReturn:
    """Raise ContractError; a template of EJS is told as one."""
    if isinstance(node, str) and "<%" in node:
        raise ContractError(
            f"{where}: {clause} is a template of EJS; publish what `mb save` writes", clause
        )
    raise ContractError(f"{where}: the {what} at {clause} is no object", clause)


class _Stub:
    def __init__(
        self, stub: dict[str, Any], clause: str, work: Work, left: list[Left], default: object
    ) -> None:
        """`default`: the imposter's answer, of which each takes what it does not say itself."""
        self._stub = stub
        self._default = default if isinstance(default, dict) else {}
        self._clause = clause
        self._where = work.where
        self._work = work
        self._left = left
        self._methods: set[str] = set()
        self._path = ""
        self._prefix = ""

    def interactions(self, index: int, title: str, named: dict[str, int]) -> Iterator[Interaction]:
        """One for each answer that the stub gives in turn: a live answer is good when it is like
        one of them.
        """
        predicates = self._stub.get("predicates", [])
        if not isinstance(predicates, list):
            raise ContractError(
                f"{self._where}: {self._clause}/predicates is no list",
                f"{self._clause}/predicates",
            )
        request = tuple(
            self._predicate(predicate, f"{self._clause}/predicates/{count}", 0, top=True)
            for count, predicate in enumerate(predicates)
        )
        answers = self._stub.get("responses", [])
        label = " ".join([*sorted(self._methods), self._path]) or f"stub {index + 1}"
        for count, answer in enumerate(answers if isinstance(answers, list) else ()):
            clause = f"{self._clause}/responses/{count}"
            response = self._held(answer, clause)
            if response is None:
                continue
            name = f"{title}: {label}" + (f", answer {count + 1}" if len(answers) > 1 else "")
            parts = tuple(self._response(response, f"{clause}/is", exact=bool(self._path)))
            yield Interaction(
                unique(name, named),
                clause,
                None,
                None,
                request,
                parts,
                priority=index,
                delay=self._delay(answer, clause),
                pending=self._stub.get(PENDING_WORD) is True,
                prefix=self._prefix,
                asks=self._asks,
            )

    @property
    def _asks(self) -> str:
        """Method and path that its predicates ask for by name."""
        method = next(iter(self._methods)) if len(self._methods) == 1 else ""
        return f"{method} {self._path}" if self._path else ""

    def _held(self, answer: Any, clause: str) -> dict[str, Any] | None:
        if not isinstance(answer, dict):
            raise ContractError(f"{self._where}: the answer at {clause} is no object", clause)
        if "inject" in answer:
            self._refuse("inject", f"{clause}/inject")
        for behavior, at in _behaviors(answer, clause):
            for word in ("shellTransform", "decorate"):
                if word in behavior:
                    self._refuse(word, f"{at}/{word}")
        for word in ("proxy", "fault"):
            if word in answer:
                self._left.append(
                    Left(
                        f"{clause}/{word}", f"an answer by {word} shows nothing, and is not judged"
                    )
                )
                return None
        held = answer.get("is")
        if not isinstance(held, dict):
            return None
        held = held | {
            word: self._default[word]
            for word in _DEFAULTED
            if not held.get(word) and self._default.get(word)
        }
        tokens = [
            copied["into"]
            for behavior, _ in _behaviors(answer, clause)
            for word in _COPYING
            for copied in _listed(behavior.get(word))
            if isinstance(copied, dict) and isinstance(copied.get("into"), str) and copied["into"]
        ]
        return _filled_in(held, tokens) if tokens else held

    def _refuse(self, word: str, pointer: str) -> None:
        raise ContractError(
            f"{self._where}: {word} at {pointer} runs code and cannot be judged; take its stub out",
            pointer,
        )

    def _delay(self, answer: dict[str, Any], clause: str) -> Delay | None:
        total: float | None = None
        for behavior, at in _behaviors(answer, clause):
            if "wait" not in behavior:
                continue
            waits = delay_ms(behavior["wait"])
            if waits is None:
                self._left.append(Left(f"{at}/wait", "a wait that is code is not judged"))
            else:
                total = (total or 0.0) + waits
        return None if total is None else Delay(least=total, median=total)

    def _response(self, held: dict[str, Any], clause: str, *, exact: bool) -> Iterator[Part]:
        status = held.get("statusCode", 200)
        if isinstance(status, str) and status.isdecimal() and len(status) == 3:
            status = int(status)
        if isinstance(status, str) and is_templated(status):
            self._left.append(
                Left(f"{clause}/statusCode", "a status that a behavior fills in is not judged")
            )
        elif not isinstance(status, int) or isinstance(status, bool):
            raise ContractError(
                f"{self._where}: {clause}/statusCode is no number", f"{clause}/statusCode"
            )
        else:
            yield status_part(status, None, f"{clause}/statusCode")
        headers = held.get("headers")
        yield from answer_headers(headers, {}, f"{clause}/headers", exact=exact)
        if held.get("_mode") == "binary":
            self._left.append(Left(f"{clause}/body", "a body of bytes is not judged"))
            return
        media = (
            next(
                (str(value) for name, value in headers.items() if name.lower() == "content-type"),
                "",
            )
            if isinstance(headers, dict)
            else ""
        )
        part = answer_body(
            held.get("body"), media, {}, exact=exact, clause=f"{clause}/body", work=self._work
        )
        if part is not None:
            yield part
        elif held.get("body") not in (None, ""):
            self._left.append(
                Left(f"{clause}/body", "a text that stands for many requests is not judged")
            )

    def _predicate(self, predicate: Any, clause: str, depth: int, *, top: bool = False) -> Part:
        if not isinstance(predicate, dict) or depth > _DEEPEST:
            raise ContractError(
                f"{self._where}: the predicate at {clause} is no object, or nests too deep", clause
            )
        if "inject" in predicate:
            self._refuse("inject", f"{clause}/inject")
        if "xpath" in predicate:
            raise ContractError(
                f"{self._where}: xpath at {clause} is not offered; write the predicate on the body as text",
                f"{clause}/xpath",
            )
        for word in ("and", "or"):
            if isinstance(predicate.get(word), list):
                inner = [
                    self._predicate(
                        part, f"{clause}/{word}/{index}", depth + 1, top=top and word == "and"
                    )
                    for index, part in enumerate(predicate[word])
                ]
                return all_of_them(inner) if word == "and" else one_of_them(inner, clause)
        if isinstance(predicate.get("not"), dict):
            return none_of_it(
                self._predicate(predicate["not"], f"{clause}/not", depth + 1), clause
            )
        compared = next(
            (word for word in _COMPARED if isinstance(predicate.get(word), dict)), None
        )
        if compared is None:
            words = ", ".join((*_COMPARED, "not", "or", "and"))
            raise ContractError(
                f"{self._where}: the predicate at {clause} is none of {words}", clause
            )
        fields = predicate[compared]
        if top and "except" not in predicate:
            self._lead(compared, fields)
        if top and compared in ("equals", "deepEquals"):
            self._name(fields)
        find = self._selected(predicate, clause)
        return all_of_them(
            [
                self._field(
                    compared, name, value, predicate, find, f"{clause}/{compared}/{escaped(name)}"
                )
                for name, value in fields.items()
            ]
        )

    def _lead(self, compared: str, fields: Mapping[str, Any]) -> None:
        """What every path begins with that fits, where a predicate tells it."""
        path = fields.get("path")
        if not isinstance(path, str):
            return
        if compared in ("equals", "deepEquals", "startsWith"):
            self._prefix = plain_path(path).lower()
        elif compared == "matches" and path.startswith("^") and "%" not in path:
            self._prefix = literal_prefix(path)

    def _name(self, fields: Mapping[str, Any]) -> None:
        if isinstance(fields.get("method"), str):
            self._methods.add(fields["method"].upper())
        if isinstance(fields.get("path"), str):
            self._path = fields["path"]

    def _selected(self, predicate: dict[str, Any], clause: str) -> Find | None:
        path = predicate.get("jsonpath")
        if path is None:
            return None
        selector = path.get("selector") if isinstance(path, dict) else None
        if not isinstance(selector, str):
            raise ContractError(
                f"{self._where}: {clause}/jsonpath names no selector", f"{clause}/jsonpath"
            )
        try:
            exact = True in (predicate.get("caseSensitive"), predicate.get("keyCaseSensitive"))
            return compile_path(selector if exact else selector.lower())
        except ContractError as error:
            raise ContractError(f"{self._where}: {error}", f"{clause}/jsonpath") from None

    def _field(
        self,
        word: str,
        name: str,
        value: Any,
        predicate: dict[str, Any],
        find: Find | None,
        clause: str,
    ) -> Part:
        if name not in _FIELDS:
            self._left.append(Left(clause, f"{name[:40]} is in no log, and is passed over"))
            return lambda _call, _found: None
        compare = Compare(word, predicate, clause, self._where)
        pointer = f"/{escaped(name)}"
        if name in ("query", "headers") and isinstance(value, dict):
            any_case = (
                predicate.get("keyCaseSensitive") is not True
                and predicate.get("caseSensitive") is not True
            )
            if name == "headers" and not any_case:
                said = "no log keeps the case in which header names were sent: any case is taken"
                self._left.append(Left(clause, said))
            parts = [
                asked_part(
                    see_header(key) if name == "headers" else see_query(key, any_case=any_case),
                    compare.named(expected) if name == "headers" else compare.listed(expected),
                    word,
                    f"{pointer}/{escaped(key)}",
                    f"{clause}/{escaped(key)}",
                )
                for key, expected in value.items()
            ]
            if word == "deepEquals" and name == "query":
                parts.append(no_other(frozenset(value), clause))
            return all_of_them(parts)
        if name == "body":
            if find is not None:
                see_found = selected_by(find, any_case=compare.keys_in_any_case)
                return asked_part(see_found, compare.some_of(value), word, "", clause)
            if isinstance(value, dict | list):
                return asked_part(
                    see_json,
                    lambda values: bool(values) and compare.tree(values[0], value),
                    word,
                    "",
                    clause,
                )
            return asked_part(see_text, compare.text(value), word, "", clause)
        if name == "form":
            self._left.append(
                Left(clause, "forms are not judged: whether a request is meant stays open")
            )
            return asked_part(see_text, lambda _: None, word, "", clause)
        see: See = see_method if name == "method" else see_path
        return asked_part(
            see,
            compare.text(
                plain_path(value)
                if name == "path" and isinstance(value, str) and word != "matches"
                else value
            ),
            word,
            pointer,
            clause,
        )


def _listed(node: Any) -> list[Any]:
    return node if isinstance(node, list) else [node]


def _filled_in(answer: dict[str, Any], tokens: Sequence[str]) -> dict[str, Any]:
    """An answer with templates in place of what `copy` and `lookup` fill in, which is a token and
    perhaps an index or a column behind it.
    """
    token = re.compile(f"(?:{'|'.join(map(re.escape, tokens))})(?:\\[[^\\[\\]]{{1,100}}\\])?")

    def filled(node: Any) -> Any:
        if isinstance(node, str):
            return token.sub("{{copied}}", node)
        if isinstance(node, list):
            return [filled(child) for child in node]
        return (
            {name: filled(child) for name, child in node.items()}
            if isinstance(node, dict)
            else node
        )

    held: dict[str, Any] = filled(answer)
    return held


def _behaviors(answer: Mapping[str, Any], clause: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for word in ("behaviors", "_behaviors"):
        behaviors = answer.get(word)
        if isinstance(behaviors, dict):
            yield behaviors, f"{clause}/{word}"
        for index, behavior in enumerate(behaviors if isinstance(behaviors, list) else ()):
            if isinstance(behavior, dict):
                yield behavior, f"{clause}/{word}/{index}"
