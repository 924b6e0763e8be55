"""The intermediate form: what every contract format is read into, and what check.py runs."""

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from monitor.contracts.carried import Carried
from monitor.contracts.collecting import uncollected
from monitor.contracts.compatibility.said import Said
from monitor.contracts.findings import Findings
from monitor.contracts.forms import Form
from monitor.contracts.framing import SchemaKey, Writer
from monitor.contracts.limits import PayloadLimits
from monitor.contracts.matching.call import Call, plain_path
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.parts import Part
from monitor.contracts.readings import ANYTHING, Reading
from monitor.contracts.routes import Router
from monitor.contracts.schemas import Schema
from monitor.model.exchanges import Shown
from monitor.model.ramp_plans import RampPlan

_MOST_TOPICS = 10_000
_MOST_PARAMETERS = 8  # of one address: each more doubles what a search may take
_PARAMETER = re.compile(r"\{[^{}]*\}")
ParameterPlace = Literal["path", "query", "header", "cookie", "querystring"]
Style = Literal[
    "form",
    "simple",
    "label",
    "matrix",
    "spaceDelimited",
    "pipeDelimited",
    "deepObject",
    "cookie",
    "other",
]


@dataclass(frozen=True, slots=True)
class Parameter:
    """One parameter of a request, or one header of a response.

    `reading` tells the JSON types that its text may stand for, `style` and `explode` how the text
    is taken apart. A style that its place does not know is "other": such a parameter is never
    judged. With `media` (a media type) its text is a document of that type instead. `allow_empty`:
    an empty text is always good. `spans`: it may stand for several segments of a path.
    """

    name: str
    place: ParameterPlace
    required: bool
    schema: Schema | None
    clause: str
    reading: Reading = ANYTHING
    style: Style = "form"
    explode: bool = True
    media: str = ""
    allow_empty: bool = False
    spans: bool = False


@dataclass(frozen=True, slots=True)
class Body:
    """What one side's body may be: media type (lower case, perhaps a range) to schema; None: any
    content. `required`: an empty one breaks it.

    `headers` are those that come with it; `forms` tells of the media types that are forms how
    their fields are read, `plain` of those that are one text how it is; `texts` are media types of
    JSON that may bear other text.
    """

    required: bool
    media: Mapping[str, Schema | None]
    clause: str
    headers: Sequence[Parameter] = ()
    forms: Mapping[str, Form] = field(default_factory=dict)
    texts: frozenset[str] = frozenset()
    plain: Mapping[str, Reading] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Credential:
    """One credential that a request should carry. `place` is "" when no log can show it (mutual
    TLS). `scopes`: what its bearer must be allowed to do, which no log shows either.
    """

    place: Literal["header", "query", "cookie", ""]
    name: str
    scopes: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Operation:
    """One operation of a contract. `responses` by status: "200", "2XX" or "default".

    `whole` tells whether the contract says that it lists all statuses: then any other one is a
    violation. Else only an unlisted success is one, and where the list is `partial` none. `open`
    contracts (one schema alone) tell nothing of other statuses at all. `security`: alternatives,
    each a set of credentials. `sunset_ns`: when it ends, in ns since the epoch; 0 where that is not
    told.
    """

    method: str
    route: str
    parameters: Sequence[Parameter]
    request: Body | None
    responses: Mapping[str, Body]
    clause: str
    whole: bool = False
    partial: bool = False
    open: bool = False
    security: Sequence[Sequence[Credential]] = ()
    deprecated: bool = False
    sunset_ns: int = 0

    @property
    def name(self) -> str:
        """`METHOD /route/{template}`, as traces name it."""
        return f"{self.method} {self.route}"

    @property
    def spanning(self) -> frozenset[str]:
        """Parameters that may stand for several segments of the path."""
        return frozenset(parameter.name for parameter in self.parameters if parameter.spans)

    def response(self, status: int) -> Body | None:
        """The clause for a status: exact beats range beats default."""
        responses = self.responses
        return (
            responses.get(str(status))
            or responses.get(f"{status // 100}XX")
            or responses.get("default")
        )


@dataclass(frozen=True, slots=True)
class Delay:
    """How long an answer takes by its contract, in ms: at least `least`, mostly `median`, at most
    `most` where one is told.
    """

    least: float = 0.0
    median: float | None = None
    most: float | None = None


@dataclass(frozen=True, slots=True)
class Timing:
    """One clause on time: this quantile of the calls takes at most so long; None: callers give up
    after so long.

    `operation` is "METHOD /route", "" for all of them.
    """

    operation: str
    quantile: float | None
    seconds: float
    clause: str


@dataclass(frozen=True, slots=True)
class Interaction:
    """One request as an example shows it, and how it is answered. `name` tells it from the others
    of its contract.

    `request` and `response` are asked in their order; `methods` None: any; `path` is the literal
    path where there is one. `states`: what must hold at the provider, which no log shows. Of
    several that fit only those of the lowest `priority` count. `prefix`: what every path begins
    with that fits, in lower case, so that others need no look. `pending`: what it breaks is held
    against nobody yet. `asks`: "METHOD /path" that it shows, where `methods` and `path` do not.
    """

    name: str
    clause: str
    methods: frozenset[str] | None
    path: str | None
    request: Sequence[Part]
    response: Sequence[Part]
    states: Sequence[str] = ()
    priority: int = 0
    delay: Delay | None = None
    pending: bool = False
    prefix: str = ""
    asks: str = ""


MessageJudge = Callable[[Carried, Mismatches], None]
"""Adds what a record breaks of one message."""


@dataclass(frozen=True, slots=True)
class Message:
    """One kind of message; `sides` are its contents, of a synchronous one the request's and each
    answer's.

    `topic` is where it is sent, perhaps with `{parameters}`; "" where the contract does not say
    it. `told_by` are the headers that tell it from other messages, `media` its content type.
    `own`: its provider sends it; else whoever writes to the topic.
    """

    name: str
    clause: str
    sides: Sequence[MessageJudge]
    states: Sequence[str] = ()
    topic: str = ""
    pending: bool = False
    told_by: Mapping[str, str] = field(default_factory=dict)
    media: str = ""
    own: bool = True
    fits: Callable[[Carried], bool | None] | None = None
    """Whether a record is of this kind by the schema that wrote it; None where that cannot be
    told.
    """
    example: Callable[[Any, Mismatches], None] | None = None
    """Of a binary format: adds what an example breaks that another contract shows as JSON."""
    says: Callable[[], Said] | None = None
    """What its schema says of a value, to be held against another contract's."""
    schema: Schema | None = None
    """Of a message in JSON: the schema of its payload."""


@dataclass(frozen=True, slots=True)
class Unit:
    """One thing that a contract offers and that calls show: a field at the top of a GraphQL
    schema, a method of gRPC.
    """

    name: str
    clause: str


@dataclass(frozen=True, slots=True)
class Shows:
    """The units that a call showed, by name, and what the call is called, "" where the contract
    has no word for it.
    """

    units: Sequence[tuple[str, Shown]] = ()
    operation: str = ""


class CallJudge(Protocol):
    """Judges calls of a form of its own. Safe between threads."""

    def judge(self, call: Call, findings: Findings, limits: PayloadLimits) -> Shows | None:
        """Add what is found. None: the contract says nothing of such a call."""
        ...


@dataclass(frozen=True, slots=True)
class Left:
    """A clause that was read and will never be judged, and why."""

    pointer: str
    said: str


@dataclass(frozen=True, slots=True)
class Promise:
    """A contract in force, compiled. `whole` tells whether it lists all operations of its
    provider.

    Payloads deeper than `depth` are checked only when their own work is bearable: it could explode
    (work.py). A contract of examples has `interactions` and `messages` instead of operations, and
    names its parties.
    """

    router: Router[Operation]
    whole: bool
    depth: int
    interactions: Sequence[Interaction] = ()
    messages: Sequence[Message] = ()
    by_example: bool = False
    provider: str = ""
    consumer: str = ""
    left: Sequence[Left] = ()
    of_messages: Sequence[Schema] = ()
    """The schemas that messages are held against."""
    shown: Sequence[tuple[str, Any, Schema]] = ()
    """Payloads that the document shows of its messages, each with its pointer and schema."""
    writers: Mapping[SchemaKey, Writer] = field(default_factory=dict)
    """Schemas that records may have been written by, under the keys that their frames name."""
    timing: Sequence[Timing] = ()
    plan: RampPlan | None = None
    """Of a ramp plan, which promises nothing of payloads."""
    judge: CallJudge | None = None
    """Of a form whose calls are told by no route: GraphQL, gRPC. `units` are what such a contract
    offers.
    """
    units: Sequence[Unit] = ()
    index: Mapping[tuple[str, str], Sequence[Interaction]] = field(default_factory=dict)
    """Interactions with a literal path by method ("" for any) and path without percent-encoding;
    the others under (method, "").
    """
    _by_prefix: dict[str, "_Prefixed"] = field(default_factory=dict, compare=False, repr=False)
    _of_topic: dict[str, Sequence[Message]] = field(
        default_factory=dict, compare=False, repr=False
    )

    def of_topic(self, topic: str) -> Sequence[Message]:
        """The messages that a topic may carry: those sent there, and those of which the contract
        does not say where to. An address that is the topic's name beats those with parameters.
        """
        messages = self._of_topic.get(topic)
        if messages is None:
            if len(self._of_topic) >= _MOST_TOPICS:
                self._of_topic.clear()
            named = any(message.topic == topic for message in self.messages)
            messages = self._of_topic[topic] = [
                message
                for message in self.messages
                if not message.topic
                or (message.topic == topic if named else _is_topic(message.topic, topic))
            ]
        return messages

    def patterned(self, method: str, path: str) -> Sequence[Interaction]:
        """Interactions of a method ("" for any) without a literal path whose prefix a path (in
        lower case) has, in their order.
        """
        prefixed = self._by_prefix.get(method)
        if prefixed is None:
            interactions = self.index.get((method, ""))
            # methods are the callers' words: of those that the contract does not know none is
            # remembered
            if not interactions:
                return ()
            prefixed = self._by_prefix[method] = _prefixed(interactions)
        entries: list[tuple[int, Interaction]] = []
        for length in prefixed.lengths:
            entries += prefixed.held.get(path[:length], ())
        if len(entries) > 1:
            entries.sort(key=_place)
        return [interaction for _, interaction in entries]

    @property
    def examples(self) -> list[Interaction | Message | Unit]:
        """Interactions, then messages, then units: what live traffic may show."""
        return [*self.interactions, *self.messages, *self.units]

    @property
    def operations(self) -> list[Operation]:
        """All operations, each once."""
        return list({id(target): target for target in self.router.targets()}.values())

    def named(self, operation: str) -> str:
        """Its own name of an operation that was called, below whichever server; "" for one that it
        has not.
        """
        method, _, route = operation.partition(" ")
        match = self.router.match(method, route) if route.startswith("/") else None
        return "" if match is None or match.target is None else match.target.name

    @property
    def parameters(self) -> int:
        """How many parameters of requests and headers of responses are described, each operation's
        counted.
        """
        return sum(
            len(operation.parameters) + sum(len(body.headers) for body in _bodies(operation))
            for operation in self.operations
        )

    @property
    def schemas(self) -> list[Schema]:
        """The schemas that something of an exchange is held against, each once."""
        by_id: dict[int, Schema] = {id(schema): schema for schema in self.of_messages}
        for operation in self.operations:
            bodies = _bodies(operation)
            schemas = [schema for body in bodies for schema in body.media.values()]
            schemas += [parameter.schema for parameter in operation.parameters]
            schemas += [header.schema for body in bodies for header in body.headers]
            by_id |= {id(schema): schema for schema in schemas if schema is not None}
        return list(by_id.values())

    def compile(self) -> None:
        """Compile every schema now. Raises ContractError for the first that cannot be used."""
        with uncollected():
            for schema in self.schemas:
                schema.compiled()


@dataclass(frozen=True, slots=True)
class _Prefixed:
    """Interactions with their places by prefix, and how long these are."""

    lengths: Sequence[int]
    held: Mapping[str, Sequence[tuple[int, Interaction]]]


def _prefixed(interactions: Sequence[Interaction]) -> _Prefixed:
    by_prefix: dict[str, list[tuple[int, Interaction]]] = {}
    for at, interaction in enumerate(interactions):
        by_prefix.setdefault(interaction.prefix, []).append((at, interaction))
    return _Prefixed(sorted({len(prefix) for prefix in by_prefix}), by_prefix)


def _place(entry: tuple[int, Interaction]) -> int:
    return entry[0]


def by_example(
    interactions: Sequence[Interaction],
    messages: Sequence[Message] = (),
    *,
    provider: str = "",
    consumer: str = "",
    left: Sequence[Left] = (),
    of_messages: Sequence[Schema] = (),
    shown: Sequence[tuple[str, Any, Schema]] = (),
    writers: Mapping[SchemaKey, Writer] | None = None,
) -> Promise:
    """The promise of a contract of examples."""
    index: dict[tuple[str, str], list[Interaction]] = {}
    for interaction in interactions:
        for method in interaction.methods or ("",):
            index.setdefault(
                (method, plain_path(interaction.path) if interaction.path is not None else ""), []
            ).append(interaction)
    times = tuple(timing for interaction in interactions for timing in _times(interaction))
    return Promise(
        Router(),
        whole=False,
        depth=0,
        interactions=interactions,
        messages=messages,
        by_example=True,
        provider=provider,
        consumer=consumer,
        left=left,
        of_messages=of_messages,
        shown=shown,
        writers=writers or {},
        timing=times,
        index=index,
    )


def by_judge(judge: CallJudge, units: Sequence[Unit], left: Sequence[Left] = ()) -> Promise:
    """The promise of a contract that judges calls of a form of its own, and offers these units."""
    return Promise(
        Router(), whole=False, depth=0, by_example=True, left=left, judge=judge, units=units
    )


def _times(interaction: Interaction) -> Iterator[Timing]:
    """What the delay of an example promises: half of the answers come within its median, nearly
    all within its most.

    Of one method and one path or template only: else it is not told which operation waits.
    """
    delay, path, methods = interaction.delay, interaction.path, interaction.methods or ()
    if delay is None or len(methods) != 1:
        return
    operation = interaction.asks if path is None else f"{next(iter(methods))} {plain_path(path)}"
    if not operation:
        return
    for quantile, milliseconds in ((0.5, delay.median), (0.99, delay.most)):
        if milliseconds:
            yield Timing(operation, quantile, milliseconds / 1000, interaction.clause)


def _is_topic(address: str, topic: str) -> bool:
    """Whether an address with `{parameters}` names a topic; a parameter is one or more
    characters, none of them a slash.
    """
    if "{" not in address:
        return address == topic
    literal = [re.escape(part) for part in _PARAMETER.split(address)]
    return (
        len(literal) <= _MOST_PARAMETERS
        and re.fullmatch("[^/]+?".join(literal), topic) is not None
    )


def _bodies(operation: Operation) -> list[Body]:
    asked = [] if operation.request is None else [operation.request]
    return [*operation.responses.values(), *asked]
