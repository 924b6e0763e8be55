"""Spans by column: what the decoder makes and everything after it reads."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from monitor.model.builds import Build

TRACE = np.dtype("V16")
SPAN = np.dtype("V8")

KIND_INTERNAL, KIND_SERVER, KIND_CLIENT, KIND_PRODUCER, KIND_CONSUMER = 1, 2, 3, 4, 5
STATUS_ERROR = 2

Words = tuple[Any, ...]
FAILURE = "span.failure"
"""The word for what a failed span said, as a template; no attribute has this name."""
"""A span's name followed by alternating attribute names and values, in the order they came."""


@dataclass(frozen=True, slots=True)
class Resource:
    """Who wrote a span: the resource attributes that name an edge. Empty text where missing.

    `build`: those that tell of its build, or of its place; they name nothing, and are no part of
    what a span is known by.
    """

    service: str
    namespace: str = ""
    version: str = ""
    instance: str = ""
    environment: str = ""
    cluster: str = ""
    region: str = ""
    build: Build = field(default=(), repr=False)


@dataclass(frozen=True, slots=True, eq=False)
class InnerSpans:
    """INTERNAL spans of services, as columns of equal length: they make no edge, but may stand
    between two spans that do. `asked` indexes `questions`: what an endpoint of GraphQL was asked
    for, where the span tells it; the first is "".
    """

    record: NDArray[np.int32]
    trace: NDArray[np.void]
    span: NDArray[np.void]
    parent: NDArray[np.void]
    start_ns: NDArray[np.uint64]
    end_ns: NDArray[np.uint64]
    resource: NDArray[np.int32]
    asked: NDArray[np.int32]
    questions: Sequence[str]


@dataclass(frozen=True, slots=True, eq=False)
class SpanBatch:
    """Edge-making spans (SERVER, CLIENT, PRODUCER, CONSUMER) as columns of equal length.

    `record` indexes the Records they came from; `parent` is zero bytes where there is none; times
    in ns since the epoch with end >= start. `resource`, `words` and `tracestate` index the lists
    beside them. `links` are (row, trace id, span id) of CONSUMER and CLIENT spans. `bodies` are
    (row, attributes) of spans that carry a payload. Per record: `seen` spans, of them `filtered`
    (INTERNAL, which stand in `inner`, or our own), `refused`; `clamped` spans ended before they
    began.
    """

    record: NDArray[np.int32]
    kind: NDArray[np.uint8]
    trace: NDArray[np.void]
    span: NDArray[np.void]
    parent: NDArray[np.void]
    start_ns: NDArray[np.uint64]
    end_ns: NDArray[np.uint64]
    status: NDArray[np.uint8]
    resource: NDArray[np.int32]
    words: NDArray[np.int32]
    tracestate: NDArray[np.int32]
    resources: Sequence[Resource]
    word_list: Sequence[Words]
    tracestates: Sequence[str]
    links: Sequence[tuple[int, bytes, bytes]]
    bodies: Sequence[tuple[int, Mapping[str, Any]]]
    seen: NDArray[np.int64]
    filtered: NDArray[np.int64]
    refused: NDArray[np.int64]
    inner: InnerSpans
    clamped: int = 0

    def __len__(self) -> int:
        return len(self.kind)
