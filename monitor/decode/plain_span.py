"""A span in plain values to columns: where OTLP/JSON, Jaeger and Zipkin end."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.decode.span_columns import BODY_ATTRIBUTES, LINKED, NAMING, Columns
from monitor.decode.wordy import ROUTES, WORDY, cut_down
from monitor.model.operations import asked_of
from monitor.model.spans import (
    FAILURE,
    KIND_CLIENT,
    KIND_CONSUMER,
    KIND_INTERNAL,
    KIND_PRODUCER,
    STATUS_ERROR,
)
from monitor.model.templates import template_of

_MOST_NANOSECONDS = (1 << 64) - 1


@dataclass(frozen=True, slots=True)
class PlainSpan:
    """A span as its format tells it: OTLP's numbers for kind and status, ids as bytes, times in
    ns. `error_type` is used when no attribute says one; `message` is what a failed one said of its
    failure.
    """

    kind: int
    trace: bytes
    span: bytes
    parent: bytes
    start_ns: int
    end_ns: int
    status: int
    name: str
    attributes: Mapping[str, Any]
    state: str = ""
    links: Sequence[tuple[bytes, bytes]] = field(default=())
    error_type: str = ""
    message: str = ""


def add_plain(columns: Columns, span: PlainSpan, owner: Mapping[str, Any], resource: int) -> None:
    """One span into `columns`, counted whatever becomes of it. `owner` holds the attributes of its
    `resource`.
    """
    if span.kind < 2 or resource < 0 or span.kind > 5:
        columns.passed(span.kind, resource)
        if span.kind == KIND_INTERNAL:
            columns.inner(
                span.trace,
                span.span,
                span.parent,
                bounded(span.start_ns),
                bounded(span.end_ns),
                resource,
                asked_of(span.attributes),
            )
        return
    given = span.attributes
    words: list[Any] = [span.name]
    routed = not ROUTES.isdisjoint(given)
    for key in sorted(
        (key for key in given if key in NAMING and given[key] is not None), key=WORDY.__contains__
    ):
        word = given[key] if isinstance(given[key], (str, int, float)) else str(given[key])
        words += (key, cut_down(key, str(word), routed=routed) if key in WORDY else word)
    if span.error_type and given.get("error.type") is None:
        words += ("error.type", span.error_type)
    if span.message and span.status == STATUS_ERROR and (template := template_of(span.message)):
        words += (FAILURE, template)
    if span.links and span.kind in (KIND_CLIENT, KIND_PRODUCER):
        words += (LINKED, 1)
    row = columns.add(
        span.kind,
        span.trace,
        span.span,
        span.parent,
        bounded(span.start_ns),
        bounded(span.end_ns),
        span.status,
        resource,
        tuple(words),
        span.state,
    )
    if row < 0:
        return
    if span.links and span.kind in (KIND_CLIENT, KIND_CONSUMER):
        columns.links(row, span.links)
    if BODY_ATTRIBUTES & given.keys():
        columns.body(row, {**given, "resource": owner})


def bounded(nanoseconds: int) -> int:
    """A time that 64 bits hold; one that they do not hold becomes the farthest, which
    is refused.
    """
    return nanoseconds if 0 <= nanoseconds <= _MOST_NANOSECONDS else _MOST_NANOSECONDS
