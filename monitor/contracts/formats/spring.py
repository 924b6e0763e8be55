"""Spring Cloud Contract's (and Stubborn's) YAML into the intermediate form: requests, answers and
messages.

https://docs.spring.io/spring-cloud-contract/reference/project-features-contract.html
"""

from collections.abc import Iterator, Mapping
from typing import Any
from urllib.parse import unquote, unquote_plus

from monitor.contracts.findings import Side
from monitor.contracts.form import Delay, Interaction, Left, Message, Promise, by_example
from monitor.contracts.formats.naming import delay_ms, entries_of, unique
from monitor.contracts.formats.pact_rules import unshown_in
from monitor.contracts.formats.wiremock import speaks_wiremock
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.answers import answer_body, answer_headers
from monitor.contracts.matching.content import Judge, body_part, content_judge, example_of
from monitor.contracts.matching.parts import Part, header_part, path_part, status_part
from monitor.contracts.matching.paths import parse
from monitor.contracts.matching.predicates import (
    AskAll,
    asked_part,
    negated,
    see_cookie,
    see_query,
    some,
)
from monitor.contracts.matching.rules import Ask, Rule, Rules, ask, prefix_of, unjudged
from monitor.contracts.matching.work import EXAMPLE, Work
from monitor.contracts.queries import query_pairs
from monitor.errors import ContractError
from monitor.model.pointers import escaped

# The library's named patterns: RegexPatterns in spring-cloud-contract-spec.
_PREDEFINED = {
    "only_alpha_unicode": r"[\p{L}]*",
    "number": r"-?(\d*\.\d+|\d+)",
    "any_double": r"-?(\d*\.\d+)",
    "any_boolean": r"(true|false)",
    "ip_address": r"([01]?\d\d?|2[0-4]\d|25[0-5])\.([01]?\d\d?|2[0-4]\d|25[0-5])\.([01]?\d\d?|2[0-4]\d|25[0-5])\.([01]?\d\d?|2[0-4]\d|25[0-5])",
    "hostname": r"((http[s]?|ftp):/)/?([^:/\s]+)(:[0-9]{1,5})?",
    "email": r"[a-zA-Z0-9._%+-]+@[a-zA-Z0-9.-]+\.[a-zA-Z]{2,6}",
    "url": r"[a-zA-Z][a-zA-Z0-9+.-]*://[^\s]+",
    "uuid": r"[a-fA-F0-9]{8}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{4}-[a-fA-F0-9]{12}",
    "iso_date": r"\d{4}-(0[1-9]|1[012])-(0[1-9]|[12][0-9]|3[01])",
    "iso_date_time": r"\d{4}-(0[1-9]|1[0-2])-(3[01]|0[1-9]|[12][0-9])T(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])",
    "iso_time": r"(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])",
    "iso_8601_with_offset": r"\d{4}-(0[1-9]|1[0-2])-(3[01]|0[1-9]|[12][0-9])T(2[0-3]|[01][0-9]):([0-5][0-9]):([0-5][0-9])(\.\d{1,9})?(Z|[+-][01]\d:[0-5]\d)",
    "non_empty": r"[\s\S]+",
    "non_blank": r"\s*\S[\s\S]*",
    "positive_int": r"[1-9]\d*",
    "any_integer": r"-?\d+",
    "any_positive_int": r"[1-9]\d*",
    "alpha_numeric": r"[a-zA-Z0-9]+",
    "any_non_blank_string": r"\s*\S[\s\S]*",
    "any_non_empty_string": r"[\s\S]+",
}
_TYPES = {
    "as_integer": "integer", "as_long": "integer", "as_short": "integer", "as_double": "number", "as_float": "number", "as_boolean": "boolean",
}  # fmt: skip
_OWN_REQUEST = frozenset(
    {"matchers", "bodyFromFile", "bodyFromFileAsBytes", "bodyMatchers", "headersMatchers"}
)
_OWN = frozenset({"label", "input", "outputMessage", "ignored", "inProgress", "description"})
_DEFAULT_PRIORITY = 2**31 - 1
_FREED = "the header tells no message from another, and is not judged"


_ADDRESSED = frozenset({"method", "url", "urlPath"})


def is_spring_cloud_contract(document: Mapping[str, Any]) -> bool:
    """Whether a document is a contract of this kind, or holds several in `contracts`."""
    listed = document.get("contracts")
    if isinstance(listed, list) and listed:
        return all(isinstance(contract, dict) and _is_one(contract) for contract in listed[:20])
    return _is_one(document)


def _is_one(document: Mapping[str, Any]) -> bool:
    asked, answer = document.get("request"), document.get("response")
    if isinstance(document.get("outputMessage"), dict) and (
        "label" in document or "input" in document or "name" in document
    ):
        return True
    if isinstance(document.get("input"), dict) and "messageFrom" in document["input"]:
        return True
    if not isinstance(asked, dict) or not isinstance(answer, dict) or speaks_wiremock(document):
        return False
    if not (_ADDRESSED & asked.keys() or _OWN & document.keys()):
        return False  # examples of other tools have a request and a response, too
    own = bool(
        _OWN & document.keys()
        or _OWN_REQUEST & (asked.keys() | answer.keys())
        or "body" in asked
        or "queryParameters" in asked
    )
    return own or isinstance(answer.get("body"), dict | list) or "async" in answer


def read_spring_cloud_contract(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of one contract, or of all in `contracts`. Raises ContractError,
    saying where.
    """
    entries = entries_of(document, "contracts")
    if len(entries) > limits.operations:
        raise ContractError(f"{where}: more than {limits.operations} contracts; split the file")
    left: list[Left] = []
    interactions: list[Interaction] = []
    messages: list[Message] = []
    named: dict[str, int] = {}
    work = Work(where)
    for entry, clause in entries:
        if not isinstance(entry, dict):
            raise ContractError(f"{where}: the contract at {clause or '/'} is no object", clause)
        if entry.get("ignored") is True:
            left.append(Left(f"{clause}/ignored", "an ignored contract is not judged"))
            continue
        work.spend(EXAMPLE, clause)
        reader = _Reader(entry, clause, work, left, named)
        if isinstance(entry.get("request"), dict):
            interactions.append(reader.interaction())
        elif isinstance(entry.get("outputMessage"), dict) or isinstance(entry.get("input"), dict):
            messages.append(reader.message())
        else:
            raise ContractError(
                f"{where}: the contract at {clause or '/'} has neither `request` nor a message",
                clause,
            )
    return by_example(interactions, messages, left=tuple(left))


def _shown(method: str, request: Mapping[str, Any]) -> str:
    text = request.get("urlPath", request.get("url"))
    return f"{method} {text.partition('?')[0]}" if isinstance(text, str) else ""


class _Reader:
    def __init__(
        self,
        entry: dict[str, Any],
        clause: str,
        work: Work,
        left: list[Left],
        named: dict[str, int],
    ) -> None:
        self._entry = entry
        self._clause = clause
        self._where = work.where
        self._work = work
        self._left = left
        self._named = named
        self._prefix = ""

    def interaction(self) -> Interaction:
        """A request and its answer."""
        asked, answer = self._object("request"), self._object("response")
        method = str(asked.get("method", "GET")).upper()
        path, exact, request = self._url(asked)
        request += self._query(asked)
        request += self._headers("request", asked)
        request += self._cookies(asked)
        request += self._body("request", asked, exact=True)
        told = (
            self._entry.get("name")
            or self._entry.get("description")
            or f"{method} {asked.get('url') or asked.get('urlPath')}"
        )
        priority = self._entry.get("priority")
        fixed = delay_ms(answer.get("fixedDelayMilliseconds"))
        return Interaction(
            unique(str(told), self._named),
            self._clause,
            frozenset({method}),
            path,
            tuple(request),
            tuple(self._response(answer, exact=exact)),
            (),
            priority
            if isinstance(priority, int) and not isinstance(priority, bool)
            else _DEFAULT_PRIORITY,
            None if fixed is None else Delay(least=fixed, median=fixed),
            pending=self._entry.get("inProgress") is True,
            prefix=self._prefix,
            asks=_shown(method, asked) if path is None else "",
        )

    def message(self) -> Message:
        """What is sent, and where to; of a contract without it what is received."""
        word, body, target = (
            ("outputMessage", "body", "sentTo")
            if isinstance(self._entry.get("outputMessage"), dict)
            else ("input", "messageBody", "messageFrom")
        )
        message, clause = self._object(word), f"{self._clause}/{word}"
        headers = message.get("headers" if word == "outputMessage" else "messageHeaders")
        media = _media(headers) or "application/json"
        sides: tuple[Judge, ...] = ()
        if message.get(body) is not None:
            rules = self._body_rules(message, f"{clause}/matchers")
            self._unshown(rules, message[body], media)
            sides = (
                content_judge(
                    example_of(message[body], media),
                    rules,
                    strict=False,
                    clause=f"{clause}/{body}",
                    work=self._work,
                ),
            )
        label = (
            self._entry.get("label")
            or self._entry.get("name")
            or self._entry.get("description")
            or str(message.get(target, "a message"))
        )
        matchers = message.get("matchers")
        ruled = (
            {str(matcher.get("key")) for matcher in _listed(message, "headers")}
            if isinstance(matchers, dict)
            else set()
        )
        self._left += (
            Left(f"{clause}/matchers/headers", f"a matcher of {name[:40]!r}: {_FREED}")
            for name in sorted(ruled)
        )
        told_by = {
            str(word).lower(): _text(value)
            for word, value in (headers if isinstance(headers, dict) else {}).items()
            if str(word) not in ruled and str(word).lower() not in ("content-type", "contenttype")
        }
        return Message(
            unique(str(label), self._named),
            self._clause,
            sides,
            (),
            str(message.get(target, "")),
            self._entry.get("inProgress") is True,
            told_by,
            media,
            own=word == "outputMessage",
        )

    def _object(self, word: str) -> dict[str, Any]:
        held = self._entry.get(word)
        if not isinstance(held, dict):
            raise ContractError(
                f"{self._where}: {self._clause}/{word} is no object", f"{self._clause}/{word}"
            )
        return held

    def _url(self, request: dict[str, Any]) -> tuple[str | None, bool, list[Part]]:
        clause = f"{self._clause}/request"
        word = "urlPath" if "urlPath" in request else "url"
        matchers = request.get("matchers")
        matcher = matchers.get("url") if isinstance(matchers, dict) else None
        if isinstance(matcher, dict):
            rule = self._rule(matcher, f"{clause}/matchers/url")
            self._prefix = prefix_of(rule)
            return (
                None,
                False,
                [path_part(rule, "/", f"{clause}/matchers/url")] if rule is not None else [],
            )
        text = request.get(word)
        if not isinstance(text, str):
            raise ContractError(f"{self._where}: {clause} names no url", clause)
        path, question, query = text.partition("?")
        parts = [path_part(None, path, f"{clause}/{word}")]
        if question:
            for name, value in query_pairs(query) or ():
                plain = unquote_plus(value)
                parts.append(
                    asked_part(
                        see_query(name),
                        some(_equals(plain)),
                        "query",
                        f"/query/{escaped(name)}",
                        f"{clause}/{word}",
                    )
                )
        return unquote(path), True, parts

    def _query(self, request: dict[str, Any]) -> Iterator[Part]:
        clause = f"{self._clause}/request"
        parameters = request.get("queryParameters")
        matched = {
            str(matcher.get("key")): matcher for matcher in _listed(request, "queryParameters")
        }
        for name, value in (parameters if isinstance(parameters, dict) else {}).items():
            if name not in matched:
                texts = (
                    [_text(item) for item in value] if isinstance(value, list) else [_text(value)]
                )
                pointer = f"{clause}/queryParameters/{escaped(name)}"
                yield asked_part(
                    see_query(name), _all_of(texts), "query", f"/query/{escaped(name)}", pointer
                )
        for name, matcher in matched.items():
            pointer = f"{clause}/matchers/queryParameters"
            yield asked_part(
                see_query(name),
                self._parameter(matcher, pointer),
                "query",
                f"/query/{escaped(name)}",
                pointer,
            )

    def _parameter(self, matcher: dict[str, Any], pointer: str) -> AskAll:
        kind, value = str(matcher.get("type", "equal_to")), _text(matcher.get("value", ""))
        if kind == "absent":
            return lambda values: not values
        if kind in ("equal_to", "containing", "not_containing"):
            check: Ask = (
                _equals(value) if kind == "equal_to" else lambda actual: value in str(actual)
            )
            return some(check) if kind != "not_containing" else negated(some(check))
        if kind in ("matching", "not_matching"):
            fits = some(ask(Rules((Rule("regex", value),), pointer), "", text=True))
            return fits if kind == "matching" else negated(fits)
        self._left.append(
            Left(pointer, f"{kind[:40]} is not judged: whether a request is meant stays open")
        )
        return lambda _: None

    def _headers(self, side: Side, message: dict[str, Any]) -> list[Part]:
        clause = f"{self._clause}/{side}"
        rules: dict[str, Rules] = {}
        for matcher in (*_listed(message, "headers"), *(message.get("headersMatchers") or ())):
            rule = (
                self._rule(matcher, f"{clause}/matchers/headers")
                if isinstance(matcher, dict)
                else None
            )
            if rule is not None:
                rules[str(matcher.get("key", "")).lower()] = rule
        entries = message.get("headers")
        headers = entries if isinstance(entries, dict) else {}
        if side == "response":
            return list(answer_headers(headers, rules, f"{clause}/headers", exact=True))
        parts = []
        for name, value in headers.items():
            texts = [_text(item) for item in value] if isinstance(value, list) else [_text(value)]
            parts.append(
                header_part(
                    side,
                    str(name),
                    texts,
                    rules.pop(str(name).lower(), None),
                    f"{clause}/headers/{escaped(str(name))}",
                )
            )
        parts += [
            header_part(side, name, [""], rule, f"{clause}/matchers/headers")
            for name, rule in rules.items()
        ]
        return parts

    def _cookies(self, request: dict[str, Any]) -> Iterator[Part]:
        clause = f"{self._clause}/request/cookies"
        matched = {str(matcher.get("key")): matcher for matcher in _listed(request, "cookies")}
        cookies = request.get("cookies")
        for name, value in (cookies if isinstance(cookies, dict) else {}).items():
            rule = self._rule(matched[name], clause) if name in matched else None
            fits = some(ask(rule, "", text=True) if rule is not None else _equals(_text(value)))
            yield asked_part(
                see_cookie(name), fits, "cookies", f"/cookies/{escaped(name)}", clause
            )
        for name in matched:
            if not isinstance(cookies, dict) or name not in cookies:
                self._left.append(
                    Left(
                        f"{self._clause}/request/matchers/cookies",
                        f"the request shows no cookie {name[:40]!r}, and it is not judged",
                    )
                )

    def _response(self, answer: dict[str, Any], *, exact: bool) -> Iterator[Part]:
        clause = f"{self._clause}/response"
        status = answer.get("status", 200)
        if isinstance(status, str) and status.isdecimal() and len(status) == 3:
            status = int(status)
        if not isinstance(status, int) or isinstance(status, bool):
            raise ContractError(f"{self._where}: {clause}/status is no number", f"{clause}/status")
        yield status_part(status, None, f"{clause}/status")
        yield from self._headers("response", answer)
        yield from self._body("response", answer, exact=exact)

    def _body(self, side: Side, held: dict[str, Any], *, exact: bool) -> Iterator[Part]:
        clause = f"{self._clause}/{side}"
        for word in ("bodyFromFile", "bodyFromFileAsBytes", "multipart"):
            if word in held:
                self._left.append(
                    Left(
                        f"{clause}/{word}",
                        "a body that is not in the contract itself is not judged",
                    )
                )
                return
        value = held.get("body")
        if value is None:
            return
        media = _media(held.get("headers"))
        rules = self._body_rules(held, f"{clause}/matchers")
        self._unshown(rules, value, media)
        if side == "request":
            example = example_of(value, media)
            if example.kind != "empty":
                yield body_part(
                    side, example, rules, strict=False, clause=f"{clause}/body", work=self._work
                )
            return
        part = answer_body(
            value, media, rules, exact=exact, clause=f"{clause}/body", work=self._work
        )
        if part is not None:
            yield part
        elif value != "":
            self._left.append(
                Left(f"{clause}/body", "a text that stands for many requests is not judged")
            )

    def _unshown(self, rules: Mapping[str, Rules], value: Any, media: str) -> None:
        """Name the matchers of places that the body does not show."""
        example = example_of(value, media)
        if example.kind == "json":
            self._left += unshown_in(rules, example.value)

    def _old_matchers(self, message: dict[str, Any], clause: str) -> list[Any]:
        held = message.get("bodyMatchers") or []
        if not isinstance(held, list):
            pointer = f"{clause.removesuffix('/matchers')}/bodyMatchers"
            raise ContractError(f"{self._where}: {pointer} is no list of matchers", pointer)
        return held

    def _body_rules(self, message: dict[str, Any], clause: str) -> dict[str, Rules]:
        by_path: dict[str, list[Rule]] = {}
        for index, matcher in enumerate(
            (*_listed(message, "body"), *self._old_matchers(message, clause))
        ):
            pointer = f"{clause}/body/{index}"
            path = matcher.get("path") if isinstance(matcher, dict) else None
            if not isinstance(path, str):
                raise ContractError(
                    f"{self._where}: the matcher at {pointer} names no path", pointer
                )
            rule = self._body_rule(matcher, pointer)
            if rule is None:
                continue
            try:
                parse(path)
            except ContractError as error:
                self._left.append(Left(pointer, f"{error}, and is not judged"))
                continue
            by_path.setdefault(path, []).append(rule)
        return {path: Rules(tuple(rules), f"{clause}/body") for path, rules in by_path.items()}

    def _body_rule(self, matcher: dict[str, Any], pointer: str) -> Rule | None:
        kind = str(
            matcher.get(
                "type",
                "by_regex"
                if "value" in matcher or "predefined" in matcher or "regex" in matcher
                else "by_equality",
            )
        )
        if kind == "by_regex":
            rules = self._rule(matcher, pointer)
            return None if rules is None else rules.rules[0]
        names = {"by_date": "iso_date", "by_time": "iso_time", "by_timestamp": "iso_date_time"}
        if kind in names:
            return Rule("regex", _PREDEFINED[names[kind]])
        if kind == "by_type":
            least, most = matcher.get("minOccurrence"), matcher.get("maxOccurrence")
            return Rule(
                "type",
                least=least if isinstance(least, int) else None,
                most=most if isinstance(most, int) else None,
            )
        if kind in ("by_equality", "by_null"):
            return Rule("equality" if kind == "by_equality" else "null")
        self._left.append(Left(pointer, f"{kind[:40]} is not judged"))
        return Rule("anything")

    def _rule(self, matcher: dict[str, Any], pointer: str) -> Rules | None:
        """A pattern, a named one, or a type; None for what only the provider's own
        code can tell.
        """
        if "command" in matcher:
            self._left.append(Left(pointer, "a command of the provider's tests is not judged"))
            return None
        if isinstance(matcher.get("predefined"), str):
            pattern = _PREDEFINED.get(matcher["predefined"])
            if pattern is None:
                raise ContractError(
                    f"{self._where}: the pattern {matcher['predefined'][:40]!r} at {pointer} is unknown",
                    pointer,
                )
            return Rules((Rule("regex", pattern),), pointer)
        text = matcher.get("regex", matcher.get("value"))
        if text is None and str(matcher.get("regexType")) in _TYPES:
            return Rules((Rule(_TYPES[str(matcher["regexType"])]),), pointer)
        if not isinstance(text, str):
            raise ContractError(
                f"{self._where}: the matcher at {pointer} names no pattern", pointer
            )
        rules = Rules((Rule("regex", text),), pointer)
        if unjudged(rules):
            self._left.append(Left(pointer, "this pattern cannot be compiled, and is not judged"))
        return rules


def _listed(message: Mapping[str, Any], word: str) -> list[dict[str, Any]]:
    matchers = message.get("matchers")
    listed = matchers.get(word) if isinstance(matchers, dict) else None
    return (
        [matcher for matcher in listed if isinstance(matcher, dict)]
        if isinstance(listed, list)
        else []
    )


def _media(headers: Any) -> str:
    values = (
        [
            value
            for name, value in headers.items()
            if str(name).lower() in ("content-type", "contenttype")
        ]
        if isinstance(headers, dict)
        else []
    )
    return str(values[0]).lower() if values else ""


def _text(value: Any) -> str:
    return (
        value
        if isinstance(value, str)
        else {True: "true", False: "false", None: ""}.get(value, str(value))
        if isinstance(value, bool | None)
        else str(value)
    )


def _equals(wanted: str) -> Ask:
    return lambda value: value == wanted


def _all_of(texts: list[str]) -> AskAll:
    return lambda values: all(value in values for value in texts)
