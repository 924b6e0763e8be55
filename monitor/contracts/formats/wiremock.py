"""WireMock's stub mappings into the intermediate form. https://wiremock.org/docs/stubbing/

Its schema:
https://github.com/wiremock/wiremock/blob/master/schemas/wiremock-stub-mapping-or-mappings.json
"""

import json
from collections.abc import Iterator
from typing import Any
from urllib.parse import unquote

from monitor.contracts.form import Interaction, Left, Promise, by_example
from monitor.contracts.formats.naming import PENDING_WORD, entries_of, unique
from monitor.contracts.formats.wiremock_known import CREDENTIALS, URLS, answers_messages
from monitor.contracts.formats.wiremock_multipart import multipart
from monitor.contracts.formats.wiremock_places import (
    delay_of,
    in_template,
    see_host,
    text_in_base64,
)
from monitor.contracts.formats.wiremock_values import Values, either_way, speaks_of_several
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.answers import answer_body, answer_headers
from monitor.contracts.matching.parts import Part, status_part
from monitor.contracts.matching.patterns import literal_prefix, search
from monitor.contracts.matching.predicates import (
    asked_part,
    see_cookie,
    see_form,
    see_header,
    see_json,
    see_path,
    see_query,
    see_raw_path,
    see_text,
    see_url,
    some,
)
from monitor.contracts.matching.work import EXAMPLE, Work
from monitor.contracts.routes import Router
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_UNLOGGED = ("scheme", "port", "clientIp")
_DEFAULT_PRIORITY = 5


def read_wiremock(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of one mapping, or of all in `mappings`. Raises ContractError, saying where."""
    entries = entries_of(document, "mappings")
    if len(entries) > limits.operations:
        raise ContractError(f"{where}: more than {limits.operations} stubs; split the file")
    left: list[Left] = []
    named: dict[str, int] = {}
    interactions = []
    work = Work(where)
    for count, (entry, clause) in enumerate(entries):
        if answers_messages(entry) or (isinstance(entry, dict) and "messageMappings" in entry):
            raise ContractError(
                f"{where}: the stub at {clause or '/'} answers messages of a WebSocket, which no log that is read shows; publish stubs of requests",
                clause,
            )
        if not isinstance(entry, dict) or not isinstance(entry.get("request"), dict):
            raise ContractError(f"{where}: the stub at {clause or '/'} has no `request`", clause)
        work.spend(EXAMPLE, clause)
        interaction = _Stub(entry, clause, work, left).interaction(count, named)
        if interaction is not None:
            interactions.append(interaction)
    return by_example(interactions, left=tuple(left))


class _Stub:
    def __init__(self, entry: dict[str, Any], clause: str, work: Work, left: list[Left]) -> None:
        self._entry = entry
        self._clause = clause
        where = self._where = work.where
        self._work = work
        self._left = left
        self._asked: dict[str, Any] = entry["request"]
        answer = entry.get("response", {})
        if not isinstance(answer, dict):
            raise ContractError(f"{where}: {clause}/response is no object", f"{clause}/response")
        self._answer: dict[str, Any] = answer
        self._values = Values(work)

    def interaction(self, count: int, named: dict[str, int]) -> Interaction | None:
        """The stub as an example; None for one that is no answer of its own (a proxy, a fault)."""
        for word, reason in (
            ("proxyBaseUrl", "a stub that proxies shows no answer"),
            ("fault", "a stub of a fault shows no answer"),
        ):
            if self._answer.get(word):
                self._left.append(
                    Left(f"{self._clause}/response/{word}", f"{reason}, and is not judged")
                )
                return None
        if "customMatcher" in self._asked:
            raise ContractError(
                f"{self._where}: customMatcher at {self._clause}/request runs code of its own and cannot be judged; take the stub out",
                f"{self._clause}/request/customMatcher",
            )
        method = str(self._asked.get("method", "ANY")).upper()
        path, exact, parts = self._url()
        request = [*parts, *self._more()]
        self._left += (Left(pointer, reason) for pointer, reason in self._values.left)
        label = self._entry.get("name") or next(
            (f"{method} {self._asked[word]}" for word in URLS if word in self._asked),
            f"stub {count + 1}",
        )
        priority = self._entry.get("priority")
        state = self._entry.get("requiredScenarioState")
        more = self._entry.get("metadata")
        return Interaction(
            unique(str(label), named),
            self._clause,
            None if method == "ANY" else frozenset({method}),
            path,
            tuple(request),
            tuple(self._response(exact=exact)),
            (f"{self._entry.get('scenarioName', '')}: {state}",)
            if state and state != "Started"
            else (),
            priority
            if isinstance(priority, int) and not isinstance(priority, bool)
            else _DEFAULT_PRIORITY,
            delay_of(self._answer),
            pending=isinstance(more, dict) and more.get(PENDING_WORD) is True,
            prefix=self._prefix(),
            asks=self._template_asked(method),
        )

    def _template_asked(self, method: str) -> str:
        template = self._asked.get("urlPathTemplate")
        return (
            f"{'' if method == 'ANY' else method} {template}" if isinstance(template, str) else ""
        )

    def _prefix(self) -> str:
        pattern = self._asked.get("urlPattern", self._asked.get("urlPathPattern"))
        prefix = (
            literal_prefix(pattern)
            if isinstance(pattern, str)
            and not any(word in self._asked for word in ("url", "urlPath"))
            else ""
        )
        return "" if "%" in prefix else prefix.partition("?")[0]

    def _url(self) -> tuple[str | None, bool, list[Part]]:
        """The literal path where there is one, whether one request is meant, and the parts for the
        URL.
        """
        clause = f"{self._clause}/request"
        word = next((name for name in URLS if name in self._asked), None)
        if word is None:
            return None, False, []
        text = self._asked[word]
        pointer = f"{clause}/{word}"
        if not isinstance(text, str):
            raise ContractError(f"{self._where}: {pointer} is no text", pointer)
        if word == "url":
            path, question, _ = text.partition("?")
            if question:
                plain = unquote(text)
                return (
                    path,
                    True,
                    [
                        asked_part(
                            see_url, some(lambda url: unquote(url) == plain), word, "/url", pointer
                        )
                    ],
                )
            return (
                path,
                True,
                [
                    asked_part(
                        see_path,
                        some(lambda actual: actual == unquote(path)),
                        word,
                        "/path",
                        pointer,
                    ),
                    asked_part(see_url, some(lambda url: "?" not in url), word, "/url", pointer),
                ],
            )
        if word == "urlPath":
            return (
                text,
                True,
                [
                    asked_part(
                        see_path, some(lambda path: path == unquote(text)), word, "/path", pointer
                    )
                ],
            )
        if word == "urlPathTemplate":
            return None, False, self._template(text, pointer)
        seek = search(text, whole=True)
        if seek is None:
            self._left.append(
                Left(pointer, "this pattern cannot be compiled, and its stub is not judged")
            )
        see = see_url if word == "urlPattern" else see_raw_path
        return (
            None,
            False,
            [asked_part(see, some(seek or (lambda _: None)), word, "/url", pointer)],
        )

    def _template(self, template: str, pointer: str) -> list[Part]:
        router: Router[str] = Router()
        router.add("GET", template, template)
        parts = [
            asked_part(
                see_raw_path,
                some(lambda path: router.match("GET", path) is not None),
                "urlPathTemplate",
                "/path",
                pointer,
            )
        ]
        for name, matcher in self._object("pathParameters").items():
            clause = f"{self._clause}/request/pathParameters/{escaped(name)}"
            see = in_template(template, name)
            parts.append(
                asked_part(
                    see,
                    self._values.ask(matcher, clause),
                    "pathParameters",
                    f"/path/{escaped(name)}",
                    clause,
                )
            )
        return parts

    def _more(self) -> Iterator[Part]:
        for word, looked_at, place in (
            ("queryParameters", see_query, "query"),
            ("headers", see_header, "headers"),
            ("cookies", see_cookie, "cookies"),
            ("formParameters", see_form, "body"),
        ):
            for name, matcher in self._object(word).items():
                clause = f"{self._clause}/request/{word}/{escaped(name)}"
                rule = {"equalTo": matcher} if isinstance(matcher, str) else matcher
                ask = self._values.ask(rule, clause)
                if word == "headers" and speaks_of_several(rule):
                    ask = either_way(ask)
                yield asked_part(
                    looked_at(name),
                    ask,
                    word,
                    f"/{place}/{escaped(name)}",
                    clause,
                )
        if self._asked.get("host"):
            clause = f"{self._clause}/request/host"
            ask = self._values.ask(self._object("host"), clause)
            yield asked_part(see_host, ask, "host", "/headers/host", clause)
        for word in _UNLOGGED:
            if self._asked.get(word) is not None:
                clause = f"{self._clause}/request/{word}"
                self._left.append(
                    Left(clause, "no log tells it surely: whether a request is meant stays open")
                )
                yield asked_part(see_text, lambda _: None, word, "", clause)
        for word in CREDENTIALS:
            if word in self._asked:
                clause = f"{self._clause}/request/{word}"
                yield asked_part(
                    see_header("authorization"), bool, word, "/headers/authorization", clause
                )
        if self._asked.get("multipartPatterns"):
            clause = f"{self._clause}/request/multipartPatterns"
            yield from multipart(
                self._asked["multipartPatterns"], self._values, self._where, clause
            )
        patterns = self._asked.get("bodyPatterns", [])
        for index, matcher in enumerate(patterns if isinstance(patterns, list) else ()):
            clause = f"{self._clause}/request/bodyPatterns/{index}"
            see = see_json if self._values.of_json(matcher) else see_text
            ask = self._values.ask(matcher, clause)
            yield asked_part(see, ask, "bodyPatterns", "", clause)

    def _object(self, word: str) -> dict[str, Any]:
        held = self._asked.get(word, {})
        if not isinstance(held, dict):
            raise ContractError(
                f"{self._where}: {self._clause}/request/{word} is no object",
                f"{self._clause}/request/{word}",
            )
        return held

    def _response(self, *, exact: bool) -> Iterator[Part]:
        answer, clause = self._answer, f"{self._clause}/response"
        status = answer.get("status", 200)
        if not isinstance(status, int) or isinstance(status, bool):
            raise ContractError(f"{self._where}: {clause}/status is no number", f"{clause}/status")
        yield status_part(status, None, f"{clause}/status")
        headers = answer.get("headers")
        yield from answer_headers(headers, {}, f"{clause}/headers", exact=exact)
        media = (
            next(
                (str(value) for name, value in headers.items() if name.lower() == "content-type"),
                "",
            )
            if isinstance(headers, dict)
            else ""
        )
        if "bodyFileName" in answer:
            self._left.append(
                Left(
                    f"{clause}/bodyFileName",
                    "its body is in a file that was not published with it, and is not judged",
                )
            )
            return
        word = next((name for name in ("jsonBody", "base64Body") if name in answer), "body")
        value = answer.get(word)
        if word == "base64Body":
            value = text_in_base64(value)
            if value is None:
                self._left.append(Left(f"{clause}/base64Body", "a body of bytes is not judged"))
                return
        if word == "jsonBody" and isinstance(value, str | int | float | bool):
            value = json.dumps(value)
        if word == "jsonBody" and not media:
            media = "application/json"
        part = answer_body(
            value,
            media,
            {},
            exact=exact,
            clause=f"{clause}/{word}",
            work=self._work,
            templated=self._is_transformed(clause),
        )
        if part is not None:
            yield part
        elif value not in (None, ""):
            self._left.append(
                Left(f"{clause}/{word}", "a text that is made for each request is not judged")
            )

    def _is_transformed(self, clause: str) -> bool:
        """Whether code of its own makes the body: https://wiremock.org/docs/extensibility/."""
        words = self._answer.get("transformers")
        own = isinstance(words, list) and any(word != "response-template" for word in words)
        if own:
            why = "code of its own changes its answer: of the body the shape alone is judged"
            self._left.append(Left(f"{clause}/transformers", why))
        return own
