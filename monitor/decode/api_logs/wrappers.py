"""What shippers wrap a line in: Docker, CRI, Fluent Bit, Filebeat, Vector, syslog, CloudWatch,
Loki, Cloud Logging, Splunk, GELF.

https://docs.docker.com/engine/logging/drivers/json-file/,
https://github.com/kubernetes/design-proposals-archive (CRI logging),
https://docs.fluentbit.io/manual/pipeline/filters/kubernetes,
https://www.elastic.co/guide/en/beats/filebeat/current/exported-fields.html,
https://docs.aws.amazon.com/AmazonCloudWatch/latest/logs/SubscriptionFilters.html,
https://grafana.com/docs/loki/latest/reference/loki-http-api/,
https://go2docs.graylog.org/current/getting_in_log_data/gelf.html
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Any

import orjson

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.making import UNKNOWN, Place
from monitor.decode.api_logs.units import moment_ns
from monitor.model.exchanges import Exchange
from monitor.model.forms import text_form
from monitor.model.log_lines import CRI, STAMPED, SYSLOG, line_form
from monitor.model.log_sources import log_source

Entry = dict[str, Any]
_INNER = (
    "log",
    "message",
    "log_processed",
    "MESSAGE",
    "msg",
    "@message",
    "json",
    "line",
    "textPayload",
    "jsonPayload",
    "event",
    "record",
    "_source",
)
_TIMES = ("time", "@timestamp", "timestamp", "date", "ts", "_time")
_NAME_LABELS = (
    "app.kubernetes.io/name",
    "app_kubernetes_io/name",
    "app",
    "k8s-app",
    "k8s_app",
    "service",
    "app_kubernetes_io_name",
)
_VERSION_LABELS = (
    "app.kubernetes.io/version",
    "app_kubernetes_io/version",
    "version",
    "app_kubernetes_io_version",
)


@dataclass(frozen=True, slots=True)
class Writer:
    """Who wrote a line, as its wrapper tells: what an entry itself leaves open is filled from
    here.
    """

    service: str = ""
    version: str = ""
    namespace: str = ""
    environment: str = ""

    def named(self, read: Exchange) -> Exchange:
        """The exchange with its callee's name where its own source has none: then the writer is
        the server.
        """
        if not self.service or read.callee != UNKNOWN or read.side == "client":
            return read
        return replace(
            read,
            callee=self.service,
            callee_version=read.callee_version or self.version,
            callee_namespace=read.callee_namespace or self.namespace,
            environment=read.environment or self.environment,
        )


NOBODY = Writer()


@dataclass(frozen=True, slots=True)
class Line:
    """What a wrapper holds: an object or a text. `partial`: only a piece of a line."""

    content: Any
    place: Place
    writer: Writer
    partial: bool = False


def unwrapped_entry(entry: Entry, place: Place) -> Iterator[Line]:
    """What an entry wraps, nothing when it is no wrapper that we know."""
    if isinstance(entry.get("logEvents"), list):
        yield from _cloudwatch(entry, place)
        return
    if (
        isinstance(entry.get("streams"), list)
        and entry["streams"]
        and isinstance(entry["streams"][0], dict)
    ):
        yield from _loki(entry, place)
        return
    if "short_message" in entry and "host" in entry:
        yield _gelf(entry, place)
        return
    for name in _INNER:
        held = entry.get(name)
        if name == "event" and isinstance(held, dict) and "original" in held:
            held = held["original"]
        if isinstance(held, dict) and held and name != "log":
            yield Line(held, _timed(entry, place), writer_of(entry))
            return
        if isinstance(held, dict) and any(
            inner in held for inner in ("method", "request", "status", "http")
        ):
            yield Line(held, _timed(entry, place), writer_of(entry))
            return
        if isinstance(held, str) and held.strip():
            docker = name == "log" and "stream" in entry
            partial = docker and not held.endswith("\n") and held[:1] == "{" and held[-1:] != "}"
            yield Line(
                held.strip("\r\n"),
                _timed(entry, place),
                writer_of(entry),
                partial or entry.get("_p") == "P",
            )
            return
    original = entry.get("event.original")
    if isinstance(original, str):
        yield Line(original, _timed(entry, place), writer_of(entry))


def unwrapped_line(text: str, place: Place) -> Line | None:
    """The line that a container's runtime or syslog wrote a head before; None without one."""
    match = CRI.match(text)
    if match is not None:
        try:
            place = place._replace(told_ns=moment_ns(match[1], place.record_ms))
        except fields.Refused:
            return None
        return Line(text[match.end() :], place, NOBODY, match[3] == "P")
    match = SYSLOG.match(text)
    if match is not None:
        at = match["at"] or match["stamp"]
        return Line(text[match.end() :], _timed({"time": at}, place), NOBODY)
    match = STAMPED.match(text)
    if match is None or not match.end():
        return None
    return Line(text[match.end() :], _timed({"time": match["time"]}, place), NOBODY)


def _cloudwatch(entry: Entry, place: Place) -> Iterator[Line]:
    for event in entry["logEvents"]:
        if isinstance(event, dict) and isinstance(event.get("message"), str):
            yield Line(event["message"].strip("\r\n"), _timed(event, place), NOBODY)


def _gelf(entry: Entry, place: Place) -> Line:
    """GELF: an entry by its additional fields, which begin with `_`; else what the message is, the
    full one where it tells more.
    """
    added = {name[1:]: value for name, value in entry.items() if name[:1] == "_" and name != "_id"}
    marks = Writer(
        next((word for name in _GELF_NAMES if (word := _word(added.get(name)))), ""),
        _word(added.get("version")),
        _word(added.get("namespace")) or _word(added.get("namespace_name")),
        _word(added.get("environment")),
    )
    if log_source(added):
        return Line(added, _timed(entry, place), marks)
    texts = [
        text
        for name in ("short_message", "full_message")
        if (text := _word(entry.get(name)).strip())
    ]
    line = next(
        (text for text in texts if isinstance(json_of(text), dict) or line_form(text)[0]),
        texts[0] if texts else "",
    )
    return Line(line, _timed(entry, place), marks)


_GELF_NAMES = ("service_name", "service", "app", "application_name", "container_name")


def _loki(entry: Entry, place: Place) -> Iterator[Line]:
    for stream in entry["streams"]:
        labels = stream.get("stream") if isinstance(stream, dict) else None
        tags = labels if isinstance(labels, dict) else {}
        names = (tags.get(name) for name in ("service_name", "app", "service", "container"))
        namespace, version = _word(tags.get("namespace")), _word(tags.get("version"))
        writer = Writer(
            next((name for name in names if isinstance(name, str)), ""), version, namespace
        )
        for pair in stream.get("values") or [] if isinstance(stream, dict) else []:
            if isinstance(pair, list) and len(pair) >= 2 and isinstance(pair[1], str):
                yield Line(pair[1].strip("\r\n"), _timed({"time": pair[0]}, place), writer)


def writer_of(entry: Entry) -> Writer:
    """Service, version and namespace of who wrote the line: by ECS's fields, else by Kubernetes
    labels, else by the container.
    """
    service = entry.get("service")
    ours = service if isinstance(service, dict) else {}
    name = _word(entry.get("service.name")) or _word(ours.get("name"))
    pod = entry.get("kubernetes")
    held = pod if isinstance(pod, dict) else {}
    labels = held.get("labels")
    marks = labels if isinstance(labels, dict) else {}
    container = held.get("container")
    name = name or _labelled(marks, _NAME_LABELS) or _word(held.get("container_name"))
    name = name or (_word(container.get("name")) if isinstance(container, dict) else "")
    version = (
        _word(ours.get("version"))
        or _word(entry.get("service.version"))
        or _labelled(marks, _VERSION_LABELS)
    )
    namespace = _word(held.get("namespace_name")) or _word(held.get("namespace"))
    return Writer(
        name,
        version,
        namespace,
        _word(ours.get("environment")) or _word(entry.get("service.environment")),
    )


def _labelled(marks: Entry, names: tuple[str, ...]) -> str:
    for name in names:
        held = marks.get(name)
        # Filebeat de-dots labels, or nests them
        for step in name.split(".") if held is None and "." in name else ():
            held = (held if isinstance(held, dict) else marks).get(step)
        if isinstance(held, str) and held:
            return held
        if isinstance(held, dict) and isinstance(held.get("value"), str):
            return str(held["value"])
    return ""


def _timed(entry: Entry, place: Place) -> Place:
    at = next(
        (entry[name] for name in _TIMES if isinstance(entry.get(name), int | float | str)), None
    )
    if at is None:
        return place
    try:
        return place._replace(told_ns=moment_ns(at, place.record_ms))
    except fields.Refused:
        return place


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def json_of(text: str) -> Any:
    """The object or array that a text is; None for other text. A text that is JSON inside a string
    is read, too.
    """
    begin = text.lstrip()[:1]
    if begin not in ("{", "[", '"'):
        return None
    try:
        held = orjson.loads(text)
    except orjson.JSONDecodeError:
        return _repaired(text) if begin == "{" else None
    return json_of(held) if isinstance(held, str) else held


def _repaired(text: str) -> Any:
    r"""JSON that a server wrote with `\xHH` in its strings, as nginx and Apache do without
    `escape=json`; None for other text.
    """
    if "\\x" not in text:
        return None
    try:
        return orjson.loads(text.replace("\\x", "\\u00"))
    except orjson.JSONDecodeError:
        return None


def form_of_none(text: str) -> str:
    """Why a text is no entry: JSON that is broken off, a line that is, or another form."""
    if _BROKEN_JSON.match(text):
        return "not_json"
    if len(text) < _LONGEST_LINE and '"' in text and line_form(f'{text}"')[0]:
        return "partial_line"
    return text_form(text) or "not_json"


_BROKEN_JSON = re.compile(r'\s*(?:\{|\[\s*(?:[{\["\]]|$))')
_LONGEST_LINE = 65_536
