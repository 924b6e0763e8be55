"""AsyncAPI 2.x and 3.x into the intermediate form.
https://www.asyncapi.com/docs/reference/specification/v3.0.0
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from monitor.contracts.bundling import TAKEN_IN
from monitor.contracts.circles import too_much_work
from monitor.contracts.compiling import Draft
from monitor.contracts.form import Left, Message, MessageJudge, Parameter, Promise, by_example
from monitor.contracts.formats.asyncapi_words import (
    draft_of,
    form_beside,
    list_of,
    topic_of,
    unfolded,
)
from monitor.contracts.formats.avro import avro_message
from monitor.contracts.formats.avro_documents import taken_in
from monitor.contracts.formats.avro_schema import avro_of
from monitor.contracts.formats.jsonschema import MAY_BE_TEXT
from monitor.contracts.formats.naming import unique
from monitor.contracts.formats.parents import without_choices_of_parents
from monitor.contracts.formats.payload_schemas import (
    all_of,
    described_headers,
    headers_judge,
    json_judge,
    of_schema,
)
from monitor.contracts.formats.proto_words import MOST_TOKENS, tokens_of
from monitor.contracts.formats.protobuf import proto_messages, with_imports
from monitor.contracts.formats.protobuf_schema import from_text
from monitor.contracts.formats.reading import Readings
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.payloads import is_json_type
from monitor.contracts.refs import follow, survey
from monitor.contracts.schemas import OPENAPI_FORMATS, Schema, Schemas
from monitor.contracts.work import allowed_depth
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_VERSION = re.compile(r"([23])\.\d+(?:\.\d+)?(?:-.*)?")
_BINARY = ("application/vnd.apache.avro", "application/vnd.google.protobuf")
_SENT = {"subscribe": True, "publish": False, "send": True, "receive": False}


def is_asyncapi(document: Mapping[str, Any]) -> bool:
    """Whether a document says that it is one."""
    return "asyncapi" in document


def read_asyncapi(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of a document: its messages by channel. Raises ContractError, saying where."""
    match = _VERSION.fullmatch(str(document["asyncapi"]))
    if match is None:
        raise ContractError(
            f"{where}: the version is {str(document['asyncapi'])[:20]!r}; AsyncAPI 2.x and 3.x are read",
            "/asyncapi",
        )
    survey(document, where, limits)
    whole = without_choices_of_parents(document)
    return _Reader(whole, where, int(match[1]), limits).promise()


@dataclass(frozen=True, slots=True)
class _Placed:
    """A part of the document with its pointer."""

    held: dict[str, Any]
    clause: str


class _Reader:
    def __init__(
        self, document: dict[str, Any], where: str, version: int, limits: ContractLimits
    ) -> None:
        self._readings = Readings(document)
        self._document, self._where, self._version, self._limits = document, where, version, limits
        self._schemas: dict[Draft, Schemas] = {}
        self._depth = allowed_depth(document, limits.work)
        self._left: list[Left] = []
        self._named: dict[str, int] = {}
        self._used: list[Schema] = []
        self._shown: list[tuple[str, Any, Schema]] = []
        self._described: dict[str, list[Parameter]] = {}
        self._binary: dict[str, Message | None] = {}
        self._tokens = 0

    def promise(self) -> Promise:
        if self._depth < 1:
            raise too_much_work(self._document, self._where, self._limits)
        messages: list[Message] = []
        for topic, message, own in self._sent() if self._version == 2 else self._operated():
            if not topic:
                continue
            if len(messages) >= self._limits.operations:
                raise ContractError(
                    f"{self._where}: more than {self._limits.operations} messages; split the document"
                )
            made = self._message(topic, message, own)
            if made is not None:
                messages.append(made)
        return by_example(
            (),
            messages,
            left=tuple(dict.fromkeys(self._left)),
            of_messages=tuple(self._used),
            shown=self._shown,
        )

    def _sent(self) -> Iterator[tuple[str, _Placed, bool]]:
        for address, channel in self._entries("channels"):
            topic = topic_of(address, channel.held)
            for word in ("subscribe", "publish"):
                if word not in channel.held:
                    continue
                operation = self._at(channel.held[word], f"{channel.clause}/{word}")
                if "message" not in operation.held:
                    self._left.append(Left(operation.clause, "the operation names no message"))
                    continue
                for message in self._alternatives(
                    operation.held["message"], f"{operation.clause}/message"
                ):
                    yield topic, message, _SENT[word]

    def _alternatives(self, held: Any, clause: str) -> Iterator[_Placed]:
        message = self._at(held, clause)
        listed = message.held.get("oneOf")
        if not isinstance(listed, list):
            yield message
            return
        for index, alternative in enumerate(listed):
            yield self._at(alternative, f"{message.clause}/oneOf/{index}")

    def _operated(self) -> Iterator[tuple[str, _Placed, bool]]:
        """The messages of each operation; those of a channel that no operation speaks of are
        everybody's.
        """
        spoken: set[str] = set()
        for _, operation in self._entries("operations"):
            action = operation.held.get("action")
            if action not in ("send", "receive"):
                raise ContractError(
                    f"{self._where}: {operation.clause}/action is neither send nor receive",
                    f"{operation.clause}/action",
                )
            channel = self._at(operation.held.get("channel"), f"{operation.clause}/channel")
            spoken.add(channel.clause)
            topic = self._address(channel)
            for message in self._chosen(operation, channel):
                yield topic, message, _SENT[action]
            if "reply" in operation.held:
                # whoever receives sends the reply; one to an address of the request's has no topic
                reply = self._at(operation.held["reply"], f"{operation.clause}/reply")
                if "channel" in reply.held:
                    channel = self._at(reply.held["channel"], f"{reply.clause}/channel")
                    spoken.add(channel.clause)
                    topic = self._address(channel)
                    for message in self._chosen(reply, channel):
                        yield topic, message, not _SENT[action]
                self._left.append(
                    Left(
                        f"{operation.clause}/reply",
                        "which reply belongs to which request is not judged",
                    )
                )
        for _, channel in self._entries("channels"):
            if channel.clause not in spoken:
                topic = self._address(channel)
                for message in self._of(channel):
                    yield topic, message, False

    def _chosen(self, owner: _Placed, channel: _Placed) -> list[_Placed]:
        """The messages that an operation or a reply names, else all of its channel."""
        listed = owner.held.get("messages")
        if not isinstance(listed, list):
            return self._of(channel)
        return [
            self._at(message, f"{owner.clause}/messages/{index}")
            for index, message in enumerate(listed)
        ]

    def _of(self, channel: _Placed) -> list[_Placed]:
        messages = channel.held.get("messages")
        return [
            self._at(message, f"{channel.clause}/messages/{escaped(name)}")
            for name, message in (messages if isinstance(messages, dict) else {}).items()
        ]

    def _address(self, channel: _Placed) -> str:
        address = channel.held.get("address")
        topic = topic_of(address if isinstance(address, str) else "", channel.held)
        if not topic:
            self._left.append(
                Left(channel.clause, "the channel has no address: its messages are not judged")
            )
        return topic

    def _message(self, topic: str, message: _Placed, own: bool) -> Message | None:
        traits = [
            self._at(trait, f"{message.clause}/traits/{index}")
            for index, trait in enumerate(list_of(message.held.get("traits")))
        ]
        # https://www.asyncapi.com/docs/reference/specification/v3.0.0#traits-merge-mechanism:
        # since 3.0 the message's own word wins
        layers = [*traits, message] if self._version >= 3 else [message, *traits]
        fields = {name: value for layer in layers for name, value in layer.held.items()}
        if "correlationId" in fields:
            self._left.append(
                Left(
                    f"{message.clause}/correlationId", "which message answers which is not judged"
                )
            )
        media = (
            str(
                fields.get("contentType")
                or self._document.get("defaultContentType")
                or "application/json"
            )
            .strip()
            .lower()
        )
        judges: list[MessageJudge] = []
        described = [
            header
            for layer in [message, *traits]
            if "headers" in layer.held
            for header in self._headers(layer)
        ]
        if described:
            judges.append(headers_judge(described))
        binary = str(fields.get("schemaFormat") or form_beside(message.held)).startswith(_BINARY)
        if binary and "contentType" not in fields and not self._document.get("defaultContentType"):
            media = ""
        payload = self._payload(message, str(fields.get("schemaFormat") or ""), media)
        fits = says = of_json = None
        if isinstance(payload, Message):
            judges += payload.sides
            fits, says = payload.fits, payload.says
        elif payload is not None:
            judge, of_json = payload
            judges.append(judge)
            says = partial(of_schema, of_json)
            self._shown += [
                (f"{message.clause}/examples/{index}/payload", example["payload"], of_json)
                for index, example in enumerate(list_of(message.held.get("examples")))
                if isinstance(example, dict) and "payload" in example
            ]
        if not judges:
            return None
        title = str(
            fields.get("name")
            or fields.get("messageId")
            or fields.get("title")
            or message.clause.rpartition("/")[2]
        )
        name = unique(f"{title} in {topic}" if topic else title, self._named)
        return Message(
            name,
            message.clause,
            (all_of(judges),),
            topic=topic,
            media=media,
            own=own,
            fits=fits,
            says=says,
            schema=of_json,
        )

    def _headers(self, layer: _Placed) -> list[Parameter]:
        layer_headers = self._at(layer.held["headers"], f"{layer.clause}/headers")
        if "schemaFormat" in layer_headers.held and "schema" in layer_headers.held:
            layer_headers = self._at(
                layer_headers.held["schema"], f"{layer_headers.clause}/schema"
            )
        if layer_headers.clause in self._described:
            return self._described[layer_headers.clause]
        headers = self._described[layer_headers.clause] = described_headers(
            layer_headers.held, layer_headers.clause, self._draft("7").lazily, self._reading
        )
        self._used += [header.schema for header in headers if header.schema is not None]
        if any(
            word in layer_headers.held
            for word in ("allOf", "anyOf", "oneOf", "additionalProperties", "patternProperties")
        ):
            self._left.append(
                Left(
                    layer_headers.clause,
                    "of a schema of headers only `properties` and `required` are judged",
                )
            )
        return headers

    def _reading(self, schema: Any) -> Any:
        return self._readings.of(schema)

    def _payload(
        self, message: _Placed, form: str, media: str
    ) -> tuple[MessageJudge, Schema] | Message | None:
        if "payload" not in message.held:
            self._left.append(Left(message.clause, "the message describes no payload"))
            return None
        held, clause = follow(
            self._document, message.held["payload"], f"{message.clause}/payload", self._where
        )
        if (
            isinstance(held, dict)
            and "schema" in held
            and isinstance(held.get("schemaFormat"), str)
        ):
            form = held["schemaFormat"]
            held, clause = follow(self._document, held["schema"], f"{clause}/schema", self._where)
        draft = draft_of(form, held)
        if form.startswith(_BINARY) and not is_json_type(media):
            if clause not in self._binary:
                self._binary[clause] = self._in_binary(form, held, clause)
            return self._binary[clause]
        if draft is None:
            sent = f", sent as {media[:60]}," if form.startswith(_BINARY) else ""
            self._left.append(Left(clause, f"a payload in {form[:60]}{sent} is not judged"))
            return None
        if media and not is_json_type(media) and media != "*/*":
            self._left.append(
                Left(clause, f"a payload of {media.partition(';')[0][:60]} is not judged")
            )
            return None
        if not isinstance(held, dict | bool):
            raise ContractError(f"{self._where}: {clause} is no schema", clause)
        schema = self._draft(draft, openapi="openapi" in form).lazily(clause)
        self._used.append(schema)
        may_be_text = message.held.get(MAY_BE_TEXT) is True
        judge = json_judge(schema, media, clause, self._depth, may_be_text=may_be_text)
        return judge, schema

    def _in_binary(self, form: str, held: Any, clause: str) -> Message | None:
        """A payload in Avro or Protobuf, which may stand for many messages."""
        if form.startswith(_BINARY[0]):
            schema = unfolded(held)
            types = taken_in(schema) if isinstance(schema, dict) else None
            return avro_message(avro_of(schema, self._where, clause, types), "", clause, own=True)
        if not isinstance(held, str):
            self._left.append(
                Left(clause, f"a payload in {form[:60]} that is no text is not judged")
            )
            return None
        files = self._document.get(TAKEN_IN)
        texts = {
            name: text
            for name, text in (files.items() if isinstance(files, dict) else ())
            if isinstance(text, str)
        }
        imports = with_imports({"proto": held}, texts.get).get("imports", {})
        self._tokens += sum(map(tokens_of, [held, *imports.values()]))
        if self._tokens > MOST_TOKENS:
            raise ContractError(
                f"{self._where}: its .protos have more than {MOST_TOKENS} words and signs; publish descriptor sets",
                clause,
            )
        (kind, *others) = proto_messages(
            from_text(held, self._where, imports), "", "", clause, self._where, own=True
        )
        if others:
            self._left.append(Left(clause, "of a .proto with several messages none is meant"))
            return None
        return kind

    def _draft(self, draft: Draft, *, openapi: bool = False) -> Schemas:
        if draft not in self._schemas:
            formats = OPENAPI_FORMATS if openapi else {}
            self._schemas[draft] = Schemas(
                self._document, draft, where=self._where, formats=formats, limits=self._limits
            )
        return self._schemas[draft]

    def _entries(self, word: str) -> Iterator[tuple[str, _Placed]]:
        entries = self._document.get(word)
        if entries is None:
            return
        if not isinstance(entries, dict):
            raise ContractError(f"{self._where}: /{word} is no object", f"/{word}")
        for name, entry in entries.items():
            if not name.startswith("x-"):
                yield name, self._at(entry, f"/{word}/{escaped(name)}")

    def _at(self, node: Any, clause: str) -> _Placed:
        held, pointer = follow(self._document, node, clause, self._where)
        if not isinstance(held, dict):
            raise ContractError(f"{self._where}: {clause} is no object", clause)
        return _Placed(held, pointer)
