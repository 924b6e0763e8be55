"""What the plugins of a pact tell of its bodies: the schemas that came with it, and which message
each side is.

https://github.com/pact-foundation/pact-plugins/blob/main/docs/content-matcher-design.md
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from google.protobuf.descriptor import Descriptor, MethodDescriptor

from monitor.contracts.findings import Side
from monitor.contracts.form import Left
from monitor.contracts.formats.pact_csv import csv_judge
from monitor.contracts.formats.pact_protobuf import (
    Expected,
    Held,
    message_judge,
    method_of,
    payload_judge,
    record_judge,
)
from monitor.contracts.formats.protobuf_schema import ProtoSchema, from_set
from monitor.contracts.matching.content import Judge
from monitor.contracts.matching.rules import Rules
from monitor.contracts.matching.work import Work
from monitor.errors import ContractError

_PROTOBUF, _CSV = "protobuf", "csv"
_MOST_SCHEMAS = 200


class PactPlugins:
    """The plugins of one pact. Schemas are read when they are first asked for, and once."""

    def __init__(self, document: Mapping[str, Any], where: str) -> None:
        metadata = document.get("metadata")
        plugins = metadata.get("plugins") if isinstance(metadata, dict) else None
        self._where = where
        self._schemas: dict[tuple[str, str], ProtoSchema | str] = {}
        self._held: dict[str, Any] = {}
        for plugin in plugins if isinstance(plugins, list) else ():
            if isinstance(plugin, dict) and plugin.get("name") == _PROTOBUF:
                held = plugin.get("configuration")
                self._held |= held if isinstance(held, dict) else {}

    def schema(self, key: str, message: str) -> ProtoSchema | str:
        """The schema under a key, its file that of `message`; or why there is none."""
        entry = self._held.get(key)
        packed = entry.get("protoDescriptors") if isinstance(entry, dict) else None
        if not isinstance(packed, str):
            return "the pact does not bring the descriptors of its plugin"
        asked = (key, message)
        if asked not in self._schemas:
            if len(self._schemas) >= _MOST_SCHEMAS:
                raise ContractError(
                    f"{self._where}: more than {_MOST_SCHEMAS} messages of plugins; split the pact"
                )
            try:
                self._schemas[asked] = from_set(packed, "its descriptors", message)
            except ContractError as error:
                self._schemas[asked] = str(error)
        return self._schemas[asked]


@dataclass(frozen=True, slots=True)
class Shows:
    """A body as a plugin's example shows it, with what the pact says of it."""

    content: Any  # of a plugin's text or bytes
    media: str
    rules: Mapping[str, Rules]
    clause: str


class Plugged:
    """What plugins tell of one interaction. What cannot be judged is None, and stands in
    `left`.
    """

    def __init__(self, plugins: PactPlugins, entry: Mapping[str, Any], left: list[Left]) -> None:
        self._plugins = plugins
        self._left = left
        self._told: dict[str, Any] = {}
        for held in (entry, *_sides(entry)):
            configuration = held.get("pluginConfiguration")
            if isinstance(configuration, dict):
                self._told = configuration | self._told
        self.told = bool(self._told)

    def method(self, clause: str) -> MethodDescriptor | None:
        """The method of gRPC that the interaction at `clause` calls."""
        own = self._told.get(_PROTOBUF)
        service = own.get("service") if isinstance(own, dict) else None
        if not isinstance(own, dict) or not isinstance(service, str):
            return None
        schema = self._plugins.schema(str(own.get("descriptorKey")), "")
        method = None if isinstance(schema, str) else method_of(schema, service)
        if method is None:
            self._leave(
                clause, f"calls of {service[:80]!r} are not judged: no such method is told"
            )
        return method

    def body(
        self, side: Side | Literal[""], shows: Shows, *, strict: bool, work: Work
    ) -> Judge | None:
        """The judge of a body of HTTP, or (side "") of a record in a topic."""
        content, own = shows.content, self._told.get(_CSV)
        if isinstance(own, dict) and isinstance(content, str | bytes):
            headed = _told_of(own, side).get("csvHeaders", True) is not False
            text = content if isinstance(content, str) else content.decode("utf-8", "replace")
            try:
                return csv_judge(
                    text,
                    shows.rules,
                    headed=headed,
                    strict=strict,
                    clause=shows.clause,
                    left=self._left,
                )
            except ContractError as error:
                self._leave(shows.clause, str(error))
                return None
        if not isinstance(self._told.get(_PROTOBUF), dict):
            kind = shows.media.partition(";")[0][:60] or "a plugin"
            self._leave(shows.clause, f"bodies of {kind} are not judged")
            return None
        descriptor = self._descriptor(side, shows)
        held = None if descriptor is None else self.message(side, shows, strict=strict, work=work)
        if held is None or descriptor is None:
            return None
        if side:
            return payload_judge(held, shows.clause)
        return record_judge(descriptor, held, shows.clause)

    def message(
        self, side: Side | Literal[""], shows: Shows, *, strict: bool, work: Work
    ) -> Held | None:
        """The judge of a message's bytes, however they came."""
        content = shows.content
        descriptor = self._descriptor(side, shows)
        if descriptor is None:
            return None
        data = content if isinstance(content, bytes) else content.encode("utf-8", "surrogatepass")
        expectations = self._told[_PROTOBUF].get("expectations")
        lists = frozenset(
            _paths(
                expectations.get(side or "response") if isinstance(expectations, dict) else None
            )
        )
        try:
            return message_judge(
                Expected(descriptor, data, shows.rules, lists),
                strict=strict,
                clause=shows.clause,
                work=work,
                left=self._left,
            )
        except ContractError as error:
            if error.pointer is not None:  # asks for too much, or nests too deep
                raise
            self._leave(shows.clause, str(error))
            return None

    def _descriptor(self, side: Side | Literal[""], shows: Shows) -> Descriptor | None:
        if not isinstance(shows.content, str | bytes):
            self._leave(shows.clause, "its content is neither text nor base64")
            return None
        own = _told_of(self._told[_PROTOBUF], side)
        message = own.get("message") or _parameter(shows.media)
        service = own.get("service", self._told[_PROTOBUF].get("service"))
        name = message if isinstance(message, str) else ""
        schema = self._plugins.schema(str(own.get("descriptorKey")), name)
        if isinstance(schema, str):
            self._leave(shows.clause, schema)
            return None
        method = method_of(schema, service) if isinstance(service, str) else None
        if method is not None and side:
            return method.input_type if side == "request" else method.output_type
        descriptor = schema.named(name) if name else None
        if descriptor is None:
            self._leave(shows.clause, f"its plugin's descriptors hold no message {name[:80]!r}")
        return descriptor

    def _leave(self, clause: str, why: str) -> None:
        self._left.append(Left(clause, why))


def _sides(entry: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for word in ("request", "response"):
        held = entry.get(word)
        for part in held if isinstance(held, list) else [held]:
            if isinstance(part, dict):
                yield part


def _told_of(configuration: Mapping[str, Any], side: str) -> Mapping[str, Any]:
    """The configuration of a side, where it has one of its own."""
    own = configuration.get(side)
    return own if isinstance(own, dict) else configuration


def _parameter(media: str) -> str:
    """The message that a content type names."""
    for part in media.split(";")[1:]:
        name, _, value = part.partition("=")
        if name.strip().lower() == "message":
            return value.strip().strip('"')
    return ""


def _paths(held: Any, above: str = "$", depth: int = 0) -> Iterator[str]:
    """The paths of what a test named of a message."""
    if isinstance(held, dict) and depth < 50:
        for name, value in held.items():
            path = f"{above}.{name}"
            yield path
            yield from _paths(value, path, depth + 1)
