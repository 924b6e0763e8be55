"""Deploy events to words: CDEvents (in CloudEvents, binary or structured, or bare) and our own
plain JSON.

https://github.com/cdevents/spec/blob/v0.5.1/continuous-deployment.md, .../cloudevents-binding.md,
https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/bindings/kafka-protocol-binding.md
"""

import base64
import binascii
import hashlib
import math
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import orjson

from monitor.decode.unforeseen import UNFORESEEN
from monitor.model.deploys import DeployEvent, DeployKind, DeployState
from monitor.model.environments import NO_ENVIRONMENT
from monitor.model.forms import DEPLOY_FORMS, form_of, looks, without_bom
from monitor.model.moments import in_utc
from monitor.model.records import Records, Reject, reject

Body = Mapping[str, Any]
MAX_BYTES = 1_000_000
MAX_TEXT = 1000
EARLIEST = datetime(2000, 1, 1, tzinfo=UTC)
FUTURE = timedelta(hours=1)
SAME_SECONDS = 60
PREFIX = "dev.cdevents."
_NO_EVENT = ("not_json", "not_an_object", "unknown_event")


class Unreadable(ValueError):
    """The body tells of a deploy but cannot be understood; `reason` is a short name, `detail`
    never quotes a value.
    """

    def __init__(self, reason: str, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason, self.detail = reason, detail


@dataclass(frozen=True, slots=True)
class DeployEvents:
    """What a batch of records holds. `filtered` counts records that are well-formed and tell of
    something else; by record index.
    """

    events: Sequence[DeployEvent]
    rejects: Sequence[Reject]
    filtered: Sequence[int] = field(default=())


def decode_deploys(records: Records) -> DeployEvents:
    """Every deploy event of a batch. One bad record is one reject; its neighbours are kept. Never
    raises on any bytes.
    """
    events: list[DeployEvent] = []
    rejects: list[Reject] = []
    filtered: list[int] = []
    for index, (value, headers) in enumerate(zip(records.values, records.headers, strict=True)):
        received = _moment_of(records.timestamps_ms[index])
        try:
            event = read_event(value, headers, received)
        except Unreadable as error:
            form = form_of(value) if error.reason in _NO_EVENT else ""
            foreign = form not in ("", "json", *DEPLOY_FORMS)
            rejects.append(
                reject(
                    records,
                    index,
                    form if foreign else error.reason,
                    looks(form) if foreign else error.detail,
                )
            )
        except UNFORESEEN as error:
            rejects.append(reject(records, index, "unreadable", type(error).__name__))
        else:
            if event is None:
                filtered.append(index)
            else:
                events.append(event)
    return DeployEvents(tuple(events), tuple(rejects), tuple(filtered))


def read_event(
    value: bytes, headers: Mapping[str, bytes], received: datetime
) -> DeployEvent | None:
    """One record's event; None for a well-formed CDEvent of another kind (a build, a test). Raises
    Unreadable.
    """
    if len(value) > MAX_BYTES:
        raise Unreadable("too_large", f"{len(value)} bytes, at most {MAX_BYTES}")
    if not value.strip():
        raise Unreadable("empty", "the record holds nothing")
    try:
        body = orjson.loads(without_bom(value))
    except orjson.JSONDecodeError:
        raise Unreadable("not_json", "the record is not JSON") from None
    if not isinstance(body, dict):
        raise Unreadable("not_an_object", "the record is JSON, but no object")
    return event_of(_unwrapped(body, headers), received)


def event_of(body: Body, received: datetime) -> DeployEvent | None:
    """The event in a JSON object of any source we know; see READERS. Raises Unreadable."""
    for knows, read in READERS:
        if knows(body):
            return read(body, received)
    raise Unreadable("unknown_event", "neither a CDEvent nor an object with service and version")


def read_cdevent(body: Body, received: datetime) -> DeployEvent | None:
    """A CDEvent by its type's prefix, whatever its version.

    `customData` may add namespace, version, previousVersion, trafficShare, state, kind, actor,
    url, commit.
    """
    context, subject = _object(body, "context"), _object(body, "subject")
    kind_of_event = _text(context, "type")
    if not kind_of_event.startswith(PREFIX):
        raise Unreadable("unknown_event", "the type of the event is not one of dev.cdevents")
    event_kind = _SERVICE_EVENTS.get(".".join(kind_of_event.split(".")[2:4]))
    if event_kind is None:
        return None
    content, custom = _object(subject, "content", optional=True), _custom(body)
    artifact = _text(content, "artifactId")
    version, details = purl_version(artifact) if artifact else ("", {})
    version = _text(custom, "version") or version
    service = _text(custom, "service") or _last_of(_text(subject, "id"))
    if not service:
        raise Unreadable("no_service", "subject.id is missing")
    if not version and event_kind.needs_version:
        raise Unreadable("no_version", "neither artifactId nor customData names a version")
    share = event_kind.share if event_kind.share is not None else _share(custom, "trafficShare")
    return DeployEvent(
        source="cdevents",
        external_id=_text(context, "source") + "#" + (_text(context, "id") or _hash(body)),
        kind=_one_of(custom, "kind", DeployKind, event_kind.kind),
        environment=_last_of(_text(_object(content, "environment", optional=True), "id"))
        or NO_ENVIRONMENT,
        service=service,
        version=version,
        previous_version=_text(custom, "previousVersion"),
        state=_one_of(custom, "state", DeployState, "succeeded"),
        at=_time(context.get("timestamp"), received),
        traffic_share=share,
        actor=_text(custom, "actor"),
        url=_text(custom, "url"),
        commit=_text(custom, "commit"),
        namespace=_text(custom, "namespace") or None,
        details={"type": kind_of_event, **details},
    )


def read_plain(body: Body, received: datetime) -> DeployEvent:
    """Our own body of POST /v1/deploys: service, version, and what else is known. The same body
    again is the same event.

    One that tells no time is so for a minute: told again later, it tells of another change, as of
    a version that comes back.
    """
    service, version = _text(body, "service"), _text(body, "version")
    if not service or not version:
        raise Unreadable(
            "no_service" if not service else "no_version",
            "service and version must be texts that are not empty",
        )
    untimed = "" if body.get("at") is not None else f"@{int(received.timestamp()) // SAME_SECONDS}"
    return DeployEvent(
        source="api",
        external_id=_text(body, "external_id") or _text(body, "id") or _hash(body) + untimed,
        kind=_one_of(body, "kind", DeployKind, "deploy"),
        environment=_text(body, "environment") or NO_ENVIRONMENT,
        service=service,
        version=version,
        previous_version=_text(body, "previous_version"),
        state=_one_of(body, "state", DeployState, "succeeded"),
        at=_time(body.get("at"), received),
        traffic_share=_share(body, "traffic_share"),
        actor=_text(body, "actor"),
        url=_text(body, "url"),
        commit=_text(body, "commit"),
        namespace=_text(body, "namespace") or None,
    )


READERS: Sequence[
    tuple[Callable[[Body], bool], Callable[[Body, datetime], DeployEvent | None]]
] = (
    (
        lambda body: (
            isinstance(body.get("context"), Mapping) and isinstance(body.get("subject"), Mapping)
        ),
        read_cdevent,
    ),
    (lambda body: "service" in body and "version" in body, read_plain),
)
"""How a body is known, and who reads it, in order. More sources join here (GitHub, GitLab, Argo,
Flux, Datadog, Sentry).
"""


def purl_version(artifact: str) -> tuple[str, dict[str, str]]:
    """The version of a package URL (https://github.com/package-url/purl-spec): the tag qualifier
    when there is one, else what follows `@`.

    The digest beside a tag is kept in the details. A text that is no purl is taken as
    `name@version`, `name:tag` or nothing.
    """
    main, _, qualifiers = artifact.partition("#")[0].partition("?")
    at = main.rfind("@")
    version = _unquoted(main[at + 1 :]) if at >= 0 else ""
    if not main.startswith("pkg:") and at < 0 and ":" in main.rpartition("/")[2]:
        version = main.rpartition(":")[2]
    tag = next(
        (
            _unquoted(value)
            for name, _, value in (part.partition("=") for part in qualifiers.split("&"))
            if name == "tag"
        ),
        "",
    )
    if tag and version:
        return tag[:MAX_TEXT], {"digest": version[:MAX_TEXT]}
    return (tag or version)[:MAX_TEXT], {}


@dataclass(frozen=True, slots=True)
class _ServiceEvent:
    kind: DeployKind
    needs_version: bool
    share: float | None = None


_SERVICE_EVENTS: Mapping[str, _ServiceEvent] = {
    "service.deployed": _ServiceEvent("deploy", needs_version=True),
    "service.upgraded": _ServiceEvent("deploy", needs_version=True),
    "service.rolledback": _ServiceEvent("rollback", needs_version=True),
    "service.removed": _ServiceEvent("scale", needs_version=False, share=0.0),
    "service.published": _ServiceEvent("config", needs_version=False),
}


def _unwrapped(body: Body, headers: Mapping[str, bytes]) -> Body:
    """The CDEvent inside a CloudEvent: structured mode holds it as data, binary mode as the value
    beside ce_ headers.
    """
    if "specversion" in body and "type" in body and ("data" in body or "data_base64" in body):
        return _with_context(
            _data(body),
            {name: body.get(name) for name in ("id", "source", "type", "subject", "time")},
        )
    envelope = {
        name: headers.get(f"ce_{name}", headers.get(f"ce-{name}", b"")).decode("utf-8", "replace")
        for name in ("id", "source", "type", "subject", "time")
    }
    return _with_context(body, envelope) if envelope["type"].startswith(PREFIX) else body


def _with_context(data: Body, envelope: Mapping[str, Any]) -> Body:
    """A CDEvent whose context stands in the envelope only gets it from there; one that has its own
    keeps it.
    """
    if isinstance(data.get("context"), Mapping):
        return data
    subject = (
        data.get("subject")
        if isinstance(data.get("subject"), Mapping)
        else {"content": data.get("content", data)}
    )
    context = {
        "id": envelope["id"],
        "source": envelope["source"],
        "type": envelope["type"],
        "timestamp": envelope["time"],
    }
    return {**data, "context": context, "subject": {"id": envelope["subject"], **(subject or {})}}


def _data(envelope: Body) -> Body:
    data = envelope.get("data")
    if data is None:
        try:
            data = orjson.loads(base64.b64decode(str(envelope.get("data_base64")), validate=True))
        except (binascii.Error, ValueError):
            raise Unreadable(
                "not_json", "data_base64 of the CloudEvent is not JSON in base64"
            ) from None
    if not isinstance(data, dict):
        raise Unreadable("not_an_object", "the CloudEvent's data is no JSON object")
    return data


def _unquoted(text: str) -> str:
    """Percent-decoding (RFC 3986, 2.1); what is no UTF-8 is replaced."""
    escapes = re.compile(rb"%([0-9A-Fa-f]{2})")
    return escapes.sub(
        lambda match: bytes([int(match[1], 16)]), text.encode("utf-8", "replace")
    ).decode("utf-8", "replace")


def _custom(body: Body) -> Body:
    custom = body.get("customData")
    if isinstance(custom, str):
        try:
            custom = orjson.loads(base64.b64decode(custom, validate=True))
        except (binascii.Error, ValueError):
            return {}
    return custom if isinstance(custom, dict) else {}


def _object(body: Body, name: str, *, optional: bool = False) -> Body:
    value = body.get(name)
    if isinstance(value, Mapping):
        return value
    if optional and value is None:
        return {}
    raise Unreadable("wrong_type", f"{name} is not an object")


def _text(body: Body, name: str) -> str:
    value = body.get(name)
    if value is None:
        return ""
    if not isinstance(value, str) or len(value) > MAX_TEXT or "\x00" in value:
        raise Unreadable("wrong_type", f"{name} is not a text of at most {MAX_TEXT} characters")
    return value.strip()


def _last_of(identifier: str) -> str:
    """`service/payment` names payment; any other id is taken whole."""
    for prefix in ("service/", "environment/"):
        if identifier.startswith(prefix):
            return identifier.removeprefix(prefix)
    return identifier


def _share(body: Body, name: str) -> float | None:
    value = body.get(name)
    if value is None:
        return None
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float)
        or not math.isfinite(value)
        or not 0 <= value <= 1
    ):
        raise Unreadable("wrong_share", f"{name} is not a number from 0 to 1")
    return float(value)


def _one_of(body: Body, name: str, literal: Any, default: Any) -> Any:
    value = _text(body, name) or default
    if value not in get_args(literal):
        raise Unreadable("unknown_word", f"{name} is not one of {', '.join(get_args(literal))}")
    return value


def _time(value: object, received: datetime) -> datetime:
    if value is None:
        return received
    if not isinstance(value, str):
        raise Unreadable("wrong_time", "the time is not an ISO 8601 text")
    try:
        at = in_utc(datetime.fromisoformat(value.strip()))
    except (ValueError, OverflowError):
        raise Unreadable("wrong_time", "the time is not an ISO 8601 text") from None
    if at < EARLIEST or at > received + FUTURE:
        raise Unreadable(
            "wrong_time", "the time lies before 2000 or more than an hour ahead of the record"
        )
    return at


def _moment_of(milliseconds: int) -> datetime:
    return EARLIEST + timedelta(
        milliseconds=max(0, min(milliseconds, 32_503_680_000_000)) - EARLIEST.timestamp() * 1000
    )


def _hash(body: Body) -> str:
    try:
        text = orjson.dumps(body, option=orjson.OPT_SORT_KEYS)
    except TypeError:  # orjson reads 1024 levels and writes 254
        raise Unreadable("too_deep", "the event nests too deeply") from None
    return hashlib.sha256(text).hexdigest()[:32]
