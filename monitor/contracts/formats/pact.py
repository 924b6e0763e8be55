"""Pact 1, 1.1, 2, 3 and 4 into the intermediate form.
https://github.com/pact-foundation/pact-specification

Generators are for mock servers and are passed over. Bodies that only a plugin can read are named
and not judged.
"""

import base64
import binascii
import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal
from urllib.parse import unquote_plus

from monitor.contracts.findings import Side
from monitor.contracts.form import Interaction, Left, Message, Promise, by_example
from monitor.contracts.formats.naming import unique
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.content import Example, Judge, body_part, content_judge, example_of
from monitor.contracts.matching.parts import (
    Part,
    header_part,
    path_part,
    query_part,
    query_text_part,
    status_part,
)
from monitor.contracts.matching.paths import parse
from monitor.contracts.matching.rules import Rules, prefix_of, read_rules, unjudged
from monitor.contracts.matching.work import EXAMPLE, Work
from monitor.contracts.queries import query_pairs
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_CATEGORY = re.compile(
    r"^\$\.?(?:\[['\"])?(body|headers?|query|path|status|method|metadata|content)(?:['\"]\])?(?=[.\[]|$)"
)
_VERSION = re.compile(r"[1-4](?:\.\d+)?")
_TOPIC = ("topic", "kafka_topic", "destination", "queue")
# What a client's metadata tells beside headers: where a message goes, and what it is made of.
_NO_HEADERS = frozenset(
    {
        *_TOPIC,
        "contenttype",
        "content-type",
        "key",
        "kafka_messagekey",
        "partition",
        "timestamp",
        "offset",
    }
)
_INDEXED = re.compile(r"(.+)(\[\d{1,6}\])", re.DOTALL)


def is_pact(document: Mapping[str, Any]) -> bool:
    """Whether a document is a pact: it names two parties, and what they exchange."""
    parties = isinstance(document.get("consumer"), dict) and isinstance(
        document.get("provider"), dict
    )
    return parties and (
        isinstance(document.get("interactions"), list)
        or isinstance(document.get("messages"), list)
    )


def read_pact(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of a pact. Raises ContractError, saying where, for what cannot be used."""
    if not is_pact(document):
        raise ContractError(
            f"{where}: a pact names `consumer`, `provider`, and `interactions` or `messages`"
        )
    return _Reader(document, where, limits).promise()


def version_of(document: Mapping[str, Any]) -> str:
    """The version that a pact says to be written in, its first two numbers; "2" where it does not
    say.
    """
    value = document.get("metadata")
    metadata = value if isinstance(value, dict) else {}
    specifications = [metadata.get(word) for word in ("pactSpecification", "pact-specification")]
    versions = [
        specification.get("version")
        for specification in specifications
        if isinstance(specification, dict)
    ]
    for version in (*versions, metadata.get("pactSpecificationVersion")):
        match = _VERSION.match(str(version))
        if match is not None:
            return match[0]
    return "2"


@dataclass(frozen=True, slots=True)
class RuleSet:
    """The rules of one side, by category and expression."""

    path: Rules | None = None
    status: Rules | None = None
    headers: Mapping[str, Rules] = field(default_factory=dict)
    query: Mapping[str, Rules] = field(default_factory=dict)
    body: Mapping[str, Rules] = field(default_factory=dict)


class _Reader:
    def __init__(self, document: dict[str, Any], where: str, limits: ContractLimits) -> None:
        self._document = document
        self._where = where
        self._work = Work(where)
        self._limits = limits
        version = version_of(document)
        self._version = int(version[0])
        self._as_text = version in ("1", "1.0")  # its queries are compared as texts
        self._left: list[Left] = []
        self._patterns = 0
        self._plugged = False  # whether a plugin reads the bodies of the interaction

    def promise(self) -> Promise:
        interactions: list[Interaction] = []
        messages: list[Message] = []
        named: dict[str, int] = {}
        listed = [
            held
            for word in ("interactions", "messages")
            if isinstance(held := self._document.get(word), list)
        ]
        if sum(map(len, listed)) > self._limits.operations:
            raise ContractError(
                f"{self._where}: more than {self._limits.operations} interactions; split the pact"
            )
        for kind, entry, clause in self._entries():
            self._work.spend(EXAMPLE, clause)
            self._plugged = self._version >= 4 and isinstance(
                entry.get("pluginConfiguration"), dict
            )
            states = tuple(_states(entry))
            name = unique(_name(entry, states), named)
            if kind == "http":
                interactions.append(self._http(entry, clause, name, states))
            else:
                messages.append(self._message(kind, entry, clause, name, states))
        return by_example(
            interactions,
            messages,
            provider=self._party("provider"),
            consumer=self._party("consumer"),
            left=tuple(self._left),
        )

    def _party(self, word: str) -> str:
        name = self._document[word].get("name")
        return name.strip() if isinstance(name, str) else ""

    def _entries(self) -> Iterator[tuple[Literal["http", "message", "both"], dict[str, Any], str]]:
        for word in ("interactions", "messages"):
            held = self._document.get(word)
            for index, entry in enumerate(held if isinstance(held, list) else ()):
                clause = f"/{word}/{index}"
                if not isinstance(entry, dict):
                    raise ContractError(f"{self._where}: {clause} is no object", clause)
                kind = entry.get(
                    "type",
                    "Synchronous/HTTP" if word == "interactions" else "Asynchronous/Messages",
                )
                if kind == "Synchronous/HTTP":
                    yield "http", entry, clause
                elif kind in ("Asynchronous/Messages", "Synchronous/Messages"):
                    yield "message" if kind.startswith("A") else "both", entry, clause
                else:
                    self._left.append(
                        Left(clause, f"interactions of the type {str(kind)[:40]!r} are not judged")
                    )

    def _http(
        self, entry: dict[str, Any], clause: str, name: str, states: tuple[str, ...]
    ) -> Interaction:
        asked, answer = (
            self._object(entry, "request", clause),
            self._object(entry, "response", clause),
        )
        rules = self._rules(asked, f"{clause}/request")
        method, path = str(asked.get("method", "GET")).upper(), asked.get("path", "/")
        if not isinstance(path, str):
            raise ContractError(
                f"{self._where}: {clause}/request/path is no text", f"{clause}/request/path"
            )
        request: list[Part] = [path_part(rules.path, path, f"{clause}/request/path")]
        if self._as_text and isinstance(asked.get("query"), str):
            request.append(query_text_part(asked["query"], f"{clause}/request/query"))
        else:
            request.append(
                query_part(_query(asked.get("query")), rules.query, f"{clause}/request/query")
            )
        request += self._headers("request", asked, rules, f"{clause}/request")
        request += self._body("request", asked, rules, f"{clause}/request")
        return Interaction(
            name,
            clause,
            frozenset({method}),
            path if rules.path is None else None,
            tuple(request),
            tuple(self._response(answer, f"{clause}/response")),
            states,
            pending=entry.get("pending") is True,
            prefix=prefix_of(rules.path),
            asks="" if rules.path is None else f"{method} {path}",
        )

    def _response(self, answer: dict[str, Any], clause: str) -> Iterator[Part]:
        rules = self._rules(answer, clause)
        status = answer.get("status", 200 if rules.status else None)
        if status is not None:
            if isinstance(status, str) and status.isdecimal() and len(status) == 3:
                status = int(status)
            if not isinstance(status, int) or isinstance(status, bool):
                raise ContractError(
                    f"{self._where}: {clause}/status is no number", f"{clause}/status"
                )
            yield status_part(status, rules.status, f"{clause}/status")
        yield from self._headers("response", answer, rules, clause)
        yield from self._body("response", answer, rules, clause)

    def _headers(
        self, side: Side, message: dict[str, Any], rules: RuleSet, clause: str
    ) -> Iterator[Part]:
        headers = message.get("headers")
        for name, value in (headers if isinstance(headers, dict) else {}).items():
            values = [str(item) for item in value] if isinstance(value, list) else [str(value)]
            yield header_part(
                side,
                name,
                values,
                rules.headers.get(name.lower()),
                f"{clause}/headers/{escaped(name)}",
            )

    def _body(
        self, side: Side, held: dict[str, Any], rules: RuleSet, clause: str
    ) -> Iterator[Part]:
        example = self._example(held, "body", _media(held), f"{clause}/body")
        if example is not None:
            yield body_part(
                side,
                example,
                rules.body,
                strict=side == "request",
                clause=f"{clause}/body",
                work=self._work,
            )

    def _example(self, held: dict[str, Any], word: str, media: str, clause: str) -> Example | None:
        if word not in held:
            return None
        value = held[word]
        if self._version >= 4 and isinstance(value, dict) and "content" in value:
            media = media or str(value.get("contentType") or "")
            value = self._content(value, clause)
        elif self._version >= 4 and isinstance(value, dict) and not value:
            return None
        example = example_of(value, media)
        own = self._version >= 4 and isinstance(held.get("pluginConfiguration"), dict)
        # else it is told as what it is, and read so
        plugged = own or (self._plugged and example.kind in ("binary", "text"))
        if example.kind == "opaque" or plugged:
            self._left.append(
                Left(
                    clause,
                    f"bodies of {media.partition(';')[0][:60] or 'a plugin'} are not judged",
                )
            )
            return Example("opaque", example.media)
        return example

    def _content(self, value: dict[str, Any], clause: str) -> Any:
        held, encoded = value["content"], value.get("encoded")
        if isinstance(encoded, str) and encoded.lower() == "base64" and isinstance(held, str):
            try:
                return base64.b64decode(held, validate=True)
            except (binascii.Error, ValueError):
                raise ContractError(
                    f"{self._where}: {clause}/content is no base64", f"{clause}/content"
                ) from None
        return held

    def _message(
        self, kind: str, entry: dict[str, Any], clause: str, name: str, states: tuple[str, ...]
    ) -> Message:
        if kind == "both":
            sides = [self._contents(self._object(entry, "request", clause), f"{clause}/request")]
            answers = entry.get("response")
            listed = answers if isinstance(answers, list) else [answers]
            sides += [
                self._contents(answer, f"{clause}/response/{index}")
                for index, answer in enumerate(listed)
                if isinstance(answer, dict)
            ]
        else:
            sides = [self._contents(entry, clause)]
        metadata = entry.get("metadata", entry.get("metaData"))
        metadata = metadata if isinstance(metadata, dict) else {}
        topic = _named(metadata, *_TOPIC)
        ruled = _ruled(entry)
        told_by = {
            str(word).lower(): value
            for word, value in metadata.items()
            if isinstance(value, str)
            and str(word).lower() not in _NO_HEADERS
            and word not in ruled
        }
        judges = tuple(side for side in sides if side is not None)
        media = _named(metadata, "contentType", "content-type").lower()
        return Message(
            name, clause, judges, states, topic, entry.get("pending") is True, told_by, media
        )

    def _contents(self, held: dict[str, Any], clause: str) -> Judge | None:
        rules = self._rules(held, clause)
        metadata = held.get("metadata", held.get("metaData"))
        media = (
            _named(metadata, "contentType", "content-type") if isinstance(metadata, dict) else ""
        )
        example = self._example(held, "contents", media, f"{clause}/contents")
        if example is None:
            return None
        return content_judge(
            example, rules.body, strict=False, clause=f"{clause}/contents", work=self._work
        )

    def _object(self, owner: dict[str, Any], word: str, clause: str) -> dict[str, Any]:
        value = owner.get(word)
        if not isinstance(value, dict):
            raise ContractError(f"{self._where}: {clause}/{word} is no object", f"{clause}/{word}")
        return value

    def _rules(self, owner: dict[str, Any], clause: str) -> RuleSet:
        rules = owner.get("matchingRules")
        pointer = f"{clause}/matchingRules"
        if rules is None:
            return RuleSet()
        if not isinstance(rules, dict):
            raise ContractError(f"{self._where}: {pointer} is no object", pointer)
        try:
            return self._sorted(_by_category(rules, pointer))
        except ContractError as error:
            raise ContractError(f"{self._where}: {error}", error.pointer or pointer) from None

    def _sorted(self, categories: dict[str, dict[str, Rules]]) -> RuleSet:
        for by_path in categories.values():
            for path, rules in by_path.items():
                parse(path)
                self._patterns += 1
                if self._patterns > self._limits.patterns:
                    raise ContractError(
                        f"{self._patterns} matching rules are more than a pact may have; split it"
                    )
                if unjudged(rules):
                    self._left.append(
                        Left(
                            rules.clause,
                            "this pattern or format cannot be compiled, and is not judged",
                        )
                    )
        return RuleSet(
            next(iter(categories.get("path", {}).values()), None),
            next(iter(categories.get("status", {}).values()), None),
            {_first(path).lower(): rules for path, rules in categories.get("header", {}).items()},
            categories.get("query", {}),
            categories.get("body", {}) | categories.get("content", {}),
        )


def _by_category(matching: dict[str, Any], pointer: str) -> dict[str, dict[str, Rules]]:
    """Versions 3 and 4 name categories, version 2 writes them into each path."""
    categories: dict[str, dict[str, Rules]] = {}
    for word, category_rules in matching.items():
        clause = f"{pointer}/{escaped(word)}"
        category = _CATEGORY.match(word)
        if category is not None:
            kind = {"headers": "header", "contents": "content"}.get(category[1], category[1])
            read = read_rules(category_rules, clause)
            if read is not None:
                categories.setdefault(kind, {})["$" + word[category.end() :]] = read
            continue
        kind = {"headers": "header", "contents": "content"}.get(word, word)
        if not isinstance(category_rules, dict):
            raise ContractError(f"the matching rules at {clause} are no object", clause)
        for path, rules in (
            {"$": category_rules}
            if isinstance(category_rules.get("matchers"), list)
            else category_rules
        ).items():
            read = read_rules(rules, f"{clause}/{escaped(path)}")
            if read is not None:
                categories.setdefault(kind, {})[_expression(kind, path)] = read
    return categories


def _expression(kind: str, path: str) -> str:
    """Headers and parameters are named as they are, or by a path."""
    if kind not in ("header", "query", "metadata") or path.startswith(("$.", "$[")) or path == "$":
        return path
    indexed = _INDEXED.fullmatch(path) if kind == "query" else None
    name, rest = (indexed[1], indexed[2]) if indexed else (path, "")
    quoted = name.replace("\\", "\\\\").replace("'", "\\'")
    return f"$['{quoted}']{rest}"


def _first(path: str) -> str:
    tokens = parse(path)
    return tokens[0].text if tokens else ""


def _ruled(message: Mapping[str, Any]) -> set[str]:
    """The metadata whose values a rule frees: they tell no message from another."""
    matching = message.get("matchingRules")
    rules = matching.get("metadata") if isinstance(matching, dict) else None
    return {str(word).strip("$.[]'\"") for word in rules} if isinstance(rules, dict) else set()


def _media(held: Mapping[str, Any]) -> str:
    headers = held.get("headers")
    return _named(headers, "content-type") if isinstance(headers, dict) else ""


def _named(metadata: Mapping[str, Any], *names: str) -> str:
    for name, value in metadata.items():
        if name.lower() in {label.lower() for label in names}:
            return str(value[0] if isinstance(value, list) and value else value)
    return ""


def _query(query: Any) -> dict[str, list[str]]:
    """A query as text (versions 1 and 2) or by name."""
    by_name: dict[str, list[str]] = {}
    if isinstance(query, str):
        for name, value in query_pairs(query) or ():
            by_name.setdefault(name, []).append(unquote_plus(value))
    elif isinstance(query, dict):
        for name, value in query.items():
            by_name[name] = [
                "" if item is None else str(item)
                for item in (value if isinstance(value, list) else [value])
            ]
    return by_name


def _states(entry: Mapping[str, Any]) -> Iterator[str]:
    """Provider states by their names and the names of their parameters; the values may be
    anybody's data.
    """
    states = entry.get("providerStates")
    for state in states if isinstance(states, list) else ():
        name = state.get("name") if isinstance(state, dict) else state
        if name:
            parameters = state.get("params") if isinstance(state, dict) else None
            yield (
                f"{name} {sorted(parameters.items(), key=str)}"
                if isinstance(parameters, dict) and parameters
                else str(name)
            )
    if not isinstance(states, list):
        text = entry.get("providerState", entry.get("provider_state"))
        if isinstance(text, str) and text:
            yield text


def _name(entry: Mapping[str, Any], states: Sequence[str]) -> str:
    described = str(entry.get("description") or "an interaction").strip()
    given = " and ".join(state.partition(" [(")[0] for state in states)
    return f"{described} given {given}" if given else described
