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
from monitor.contracts.formats.spring_matchers import Matchers, equals, listed, text_of
from monitor.contracts.formats.spring_multipart import multipart
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.answers import answer_body, answer_headers
from monitor.contracts.matching.content import Judge, body_part, content_judge, example_of
from monitor.contracts.matching.parts import Part, header_part, path_part, status_part
from monitor.contracts.matching.predicates import (
    AskAll,
    asked_part,
    see_cookie,
    see_query,
    see_text,
    some,
)
from monitor.contracts.matching.rules import Rules, ask, prefix_of
from monitor.contracts.matching.work import EXAMPLE, MATCHER, Work
from monitor.contracts.queries import query_pairs
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_DEFAULT_PRIORITY = 2**31 - 1
_FREED = "the header tells no message from another, and is not judged"


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
        self._matchers = Matchers(self._where, left)
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
        name = (
            self._entry.get("name")
            or self._entry.get("description")
            or f"{method} {asked.get('url') or asked.get('urlPath')}"
        )
        priority = self._entry.get("priority")
        fixed = delay_ms(answer.get("fixedDelayMilliseconds"))
        return Interaction(
            unique(str(name), self._named),
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
            rules = self._matchers.body_rules(message, f"{clause}/matchers")
            self._matchers.unshown(rules, message[body], media)
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
            {str(matcher.get("key")) for matcher in listed(message, "headers")}
            if isinstance(matchers, dict)
            else set()
        )
        self._left += (
            Left(f"{clause}/matchers/headers", f"a matcher of {name[:40]!r}: {_FREED}")
            for name in sorted(ruled)
        )
        told_by = {
            str(word).lower(): text_of(value)
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
            rule = self._matchers.rule(matcher, f"{clause}/matchers/url")
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
                        some(equals(plain)),
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
            str(matcher.get("key")): matcher for matcher in listed(request, "queryParameters")
        }
        for name, value in (parameters if isinstance(parameters, dict) else {}).items():
            if name not in matched:
                texts = (
                    [text_of(item) for item in value]
                    if isinstance(value, list)
                    else [text_of(value)]
                )
                pointer = f"{clause}/queryParameters/{escaped(name)}"
                yield asked_part(
                    see_query(name), _all_of(texts), "query", f"/query/{escaped(name)}", pointer
                )
        for name, matcher in matched.items():
            pointer = f"{clause}/matchers/queryParameters"
            yield asked_part(
                see_query(name),
                self._matchers.parameter(matcher, pointer),
                "query",
                f"/query/{escaped(name)}",
                pointer,
            )

    def _headers(self, side: Side, message: dict[str, Any]) -> list[Part]:
        clause = f"{self._clause}/{side}"
        rules: dict[str, Rules] = {}
        for matcher in (*listed(message, "headers"), *(message.get("headersMatchers") or ())):
            rule = (
                self._matchers.rule(matcher, f"{clause}/matchers/headers")
                if isinstance(matcher, dict)
                else None
            )
            if rule is not None:
                rules[str(matcher.get("key", "")).lower()] = rule
        entries = message.get("headers")
        headers = entries if isinstance(entries, dict) else {}
        self._work.spend(MATCHER * len(headers), clause)
        if side == "response":
            return list(answer_headers(headers, rules, f"{clause}/headers", exact=True))
        parts = []
        for name, value in headers.items():
            texts = (
                [text_of(item) for item in value] if isinstance(value, list) else [text_of(value)]
            )
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
        matched = {str(matcher.get("key")): matcher for matcher in listed(request, "cookies")}
        cookies = request.get("cookies")
        for name, value in (cookies if isinstance(cookies, dict) else {}).items():
            rule = self._matchers.rule(matched[name], clause) if name in matched else None
            fits = some(ask(rule, "", text=True) if rule is not None else equals(text_of(value)))
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
        for word in ("bodyFromFile", "bodyFromFileAsBytes"):
            if word in held:
                self._left.append(
                    Left(
                        f"{clause}/{word}",
                        "a body that is not in the contract itself is not judged",
                    )
                )
                if side == "request":  # whether a request is meant stays open
                    yield asked_part(see_text, lambda _: None, word, "", f"{clause}/{word}")
                return
        if side == "request" and "multipart" in held:
            yield from multipart(held, self._matchers, self._where, clause)
            return
        value = held.get("body")
        if value is None:
            return
        media = _media(held.get("headers"))
        rules = self._matchers.body_rules(held, f"{clause}/matchers")
        self._matchers.unshown(rules, value, media)
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


def _all_of(texts: list[str]) -> AskAll:
    return lambda values: all(value in values for value in texts)
