"""Pact 1, 1.1, 2, 3 and 4 into the intermediate form.
https://github.com/pact-foundation/pact-specification

Generators are for mock servers and are passed over. Bodies of the plugins for Protobuf and CSV are
judged (pact_plugins.py), those of others named and not judged.
"""

from collections.abc import Iterator
from typing import Any, Literal

from google.protobuf.descriptor import MethodDescriptor

from monitor.contracts.findings import Side
from monitor.contracts.form import Interaction, Left, Message, Promise, by_example
from monitor.contracts.formats.naming import unique
from monitor.contracts.formats.pact_plugins import PactPlugins, Plugged, Shows
from monitor.contracts.formats.pact_protobuf import call_part, one_of, status_of_grpc
from monitor.contracts.formats.pact_rules import RuleReader, RuleSet, unshown, unshown_in
from monitor.contracts.formats.pact_words import (
    content_of,
    freed_by_rules,
    is_pact,
    media_of,
    name_of,
    query_of,
    states_of,
    told_as,
    version_of,
)
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.content import Example, Judge, content_judge, example_of, on_side
from monitor.contracts.matching.parts import (
    Part,
    header_part,
    path_part,
    query_part,
    query_text_part,
    status_part,
)
from monitor.contracts.matching.rules import prefix_of
from monitor.contracts.matching.work import EXAMPLE, MATCHER, Work
from monitor.contracts.payloads import MEDIA_TYPE
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_TOPIC = ("topic", "kafka_topic", "destination", "queue")
_OF_RECORDS = frozenset({"key", "kafka_messagekey", "partition", "timestamp", "offset"})
_RULED = "a rule of metadata frees its value: it tells no message from another, and is not judged"
_OF_SIDES = "metadata of a request or its answer is not judged"
# What a client's metadata tells beside headers: where a message goes, and what it is made of.
_NO_HEADERS = frozenset({*_TOPIC, *_OF_RECORDS, "contenttype", "content-type"})
# What a call of gRPC tells beside its message and its own metadata.
_OF_GRPC = frozenset({"contenttype", "content-type", "grpc-status", "grpc-message"})


def read_pact(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of a pact. Raises ContractError, saying where, for what cannot be used."""
    if not is_pact(document):
        raise ContractError(
            f"{where}: a pact names `consumer`, `provider`, and `interactions` or `messages`"
        )
    return _Reader(document, where, limits).promise()


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
        self._rule_reader = RuleReader(limits.patterns, self._left)
        self._plugins = PactPlugins(document, where)
        self._plugged = Plugged(self._plugins, {}, self._left)  # of the interaction that is read

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
            self._plugged = Plugged(self._plugins, entry if self._version >= 4 else {}, self._left)
            method = self._plugged.method(clause) if kind == "both" else None
            states = tuple(states_of(entry))
            name = unique(name_of(entry, states), named)
            if kind == "http":
                interactions.append(self._http(entry, clause, name, states))
            elif method is not None:
                interactions.append(self._grpc(method, entry, clause, name, states))
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
            query = query_of(asked.get("query"))
            self._work.spend(MATCHER * len(query), clause)
            self._left += unshown(rules.query, query)
            request.append(query_part(query, rules.query, f"{clause}/request/query"))
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
        headers = headers if isinstance(headers, dict) else {}
        self._work.spend(MATCHER * len(headers), clause)
        self._left += unshown(rules.headers, map(str.lower, headers))
        for name, value in headers.items():
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
        judge_payload = self._judge(
            side, held, "body", media_of(held), rules, f"{clause}/body", strict=side == "request"
        )
        if judge_payload is not None:
            yield on_side(side, judge_payload)

    def _judge(
        self,
        side: Side | Literal[""],
        held: dict[str, Any],
        word: str,
        media: str,
        rules: RuleSet,
        clause: str,
        *,
        strict: bool,
    ) -> Judge | None:
        """What a body asks for; None where nothing is said of it."""
        shows = self._shows(held, word, media, rules, clause)
        if shows is None:
            return None
        example = example_of(shows.content, shows.media)
        if example.kind == "json":
            self._left += unshown_in(rules.body, example.value)
        own = self._version >= 4 and isinstance(held.get("pluginConfiguration"), dict)
        # else it is told as what it is, and read so
        if own or (self._plugged.told and example.kind in ("binary", "text", "empty")):
            judge = self._plugged.body(side, shows, strict=strict, work=self._work)
            if judge is not None:
                return judge
            example = Example("opaque", example.media)
        elif example.kind == "opaque":
            kind = shows.media.partition(";")[0][:60] or "a plugin"
            self._left.append(Left(clause, f"bodies of {kind} are not judged"))
        return content_judge(example, rules.body, strict=strict, clause=clause, work=self._work)

    def _shows(
        self, held: dict[str, Any], word: str, media: str, rules: RuleSet, clause: str
    ) -> Shows | None:
        if word not in held:
            return None
        value = held[word]
        if self._version >= 4 and isinstance(value, dict) and "content" in value:
            own_media = str(value.get("contentType") or "")  # with the message's name, of a plugin
            media = (own_media or media) if self._plugged.told else (media or own_media)
            value = content_of(value, clause, self._where)
        elif self._version >= 4 and isinstance(value, dict) and not value:
            return None
        return Shows(value, media, rules.body, clause)

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
        self._left += (
            Left(f"{clause}/metadata/{escaped(word)}", "of a record this is not judged")
            for word in metadata
            if str(word).lower() in _OF_RECORDS
        )
        topic = told_as(metadata, *_TOPIC)
        ruled = freed_by_rules(entry)
        told_by = {
            str(word).lower(): value
            for word, value in metadata.items()
            if isinstance(value, str)
            and str(word).lower() not in _NO_HEADERS
            and word not in ruled
        }
        judges = tuple(side for side in sides if side is not None)
        media = told_as(metadata, "contentType", "content-type").lower()
        return Message(
            name, clause, judges, states, topic, entry.get("pending") is True, told_by, media
        )

    def _contents(self, held: dict[str, Any], clause: str) -> Judge | None:
        rules = self._rules(held, clause)
        self._left += (Left(ruled.clause, _RULED) for ruled in rules.metadata.values())
        metadata = held.get("metadata", held.get("metaData"))
        if metadata and clause.count("/") > 2:  # a side of a message, not the message itself
            self._left.append(Left(f"{clause}/metadata", _OF_SIDES))
        media = (
            told_as(metadata, "contentType", "content-type") if isinstance(metadata, dict) else ""
        )
        return self._judge("", held, "contents", media, rules, f"{clause}/contents", strict=False)

    def _grpc(
        self,
        method: MethodDescriptor,
        entry: dict[str, Any],
        clause: str,
        name: str,
        states: tuple[str, ...],
    ) -> Interaction:
        """A call of gRPC, as the plugin writes it: a message that is answered."""
        path = f"/{method.containing_service.full_name}/{method.name}"
        asked, answers = self._object(entry, "request", clause), entry.get("response")
        listed = answers if isinstance(answers, list) else [answers]
        rules = self._rules(asked, f"{clause}/request")
        request: list[Part] = [
            path_part(None, path, f"{clause}/pluginConfiguration"),
            *self._metadata("request", asked, rules, f"{clause}/request"),
            *self._message_of(
                "request", asked, rules, f"{clause}/request", method.client_streaming
            ),
        ]
        response = [
            list(self._answered(method, answer, f"{clause}/response/{index}"))
            for index, answer in enumerate(listed)
            if isinstance(answer, dict)
        ]
        return Interaction(
            name,
            clause,
            None,
            path,
            request,
            one_of(response) if response else (),
            states,
            pending=entry.get("pending") is True,
            asks=f"POST {path}",
        )

    def _answered(
        self, method: MethodDescriptor, answer: dict[str, Any], clause: str
    ) -> Iterator[Part]:
        rules = self._rules(answer, clause)
        metadata = answer.get("metadata")
        status = told_as(metadata, "grpc-status") if isinstance(metadata, dict) else ""
        yield status_of_grpc(status, f"{clause}/metadata/grpc-status")
        yield from self._metadata("response", answer, rules, clause)
        if status.lower() in ("", "0", "ok"):  # a call that failed has no message
            yield from self._message_of("response", answer, rules, clause, method.server_streaming)

    def _metadata(
        self, side: Side, held: dict[str, Any], rules: RuleSet, clause: str
    ) -> Iterator[Part]:
        metadata = held.get("metadata")
        for name, value in (metadata if isinstance(metadata, dict) else {}).items():
            if name.lower() not in _OF_GRPC:
                pointer = f"{clause}/metadata/{escaped(name)}"
                yield header_part(
                    side, name, [str(value)], rules.metadata.get(name.lower()), pointer
                )

    def _message_of(
        self, side: Side, held: dict[str, Any], rules: RuleSet, clause: str, streamed: bool
    ) -> Iterator[Part]:
        pointer = f"{clause}/contents"
        shows = self._shows(held, "contents", "", rules, pointer)
        if shows is None:
            return
        if streamed:
            self._left.append(Left(pointer, "the messages of a stream are not judged"))
            judged = None
        else:
            judged = self._plugged.message(side, shows, strict=side == "request", work=self._work)
        if judged is not None:
            yield call_part(side, judged, pointer)
        else:
            yield lambda _call, mismatches: mismatches.leave(MEDIA_TYPE, pointer)

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
            return self._rule_reader.read(rules, pointer)
        except ContractError as error:
            raise ContractError(f"{self._where}: {error}", error.pointer or pointer) from None
