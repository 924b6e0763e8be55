"""Spans on Kafka to half edges in the store; read here what a collector does."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray

from monitor import telemetry
from monitor.clock import Clock
from monitor.contracts.registry import Registry
from monitor.decode.api_logs.span_bodies import span_exchanges
from monitor.decode.spans import decode_spans
from monitor.edges.aliases import Aliases
from monitor.edges.bookkeeping import reading_of
from monitor.edges.halves import Namer, half_edges
from monitor.errors import RejectLimit
from monitor.joining.books import Books, Rows
from monitor.joining.builds import Builds
from monitor.joining.examining import Examiner
from monitor.joining.unread import explained, read_before
from monitor.model.exchanges import Exchange
from monitor.model.records import Progress, Records
from monitor.store import Store
from monitor.store.held import Held
from monitor.streams.limit import RejectBudget, RejectLimits
from monitor.streams.source import Source


@dataclass(frozen=True, slots=True)
class TraceSettings:
    """`encoding` as decode_spans reads it. `unmarked_biased`: spans without sampling marks count
    as tail-sampled. `words`: pointers where words of payloads are stored.
    """

    encoding: str = "auto"
    aliases: Aliases = field(default_factory=Aliases)
    limits: RejectLimits = field(default_factory=RejectLimits)
    unmarked_biased: bool = False
    words: frozenset[str] = frozenset()
    together: int = 1


def traces(
    source: Source,
    store: Store,
    settings: TraceSettings,
    clock: Clock,
    registry: Callable[[], Registry] | None = None,
) -> Iterator[Progress]:
    """Yields offsets only after their rows are durable: halves, then arrivals, then the ledger.

    Spans that carry a payload are exchanges too, checked against the contracts of `registry`: one
    decode, two outputs. Keeps no half between batches: a crash at any point re-reads at most what
    was not committed, and every row collapses under its natural key. A batch without records ends
    all waiting for others.
    """
    examiner, builds = Examiner(settings.aliases, words=settings.words), Builds(store)
    held, accounted = Held(store), list[Progress]()
    namer, books = (
        Namer(settings.aliases, unmarked_biased=settings.unmarked_biased),
        Books(store, "traces", held),
    )
    budget = RejectBudget(
        settings.limits, "traces", partial(explained, "spans"), partial(read_before, store)
    )

    def durable() -> Iterator[Progress]:
        held.flush()
        told = accounted[:]
        accounted.clear()
        yield from told

    for records in source.poll():
        if not records.values:
            books.idle(records, clock())
            yield from durable()
            yield budget.account(records, (), 0)
            continue
        reading = reading_of(clock())
        spans, rejects = decode_spans(records, settings.encoding)
        halves = half_edges(spans, namer)
        store.insert("halves", halves.halves)
        for table in ("message_ends", "inner_spans", "long_spans"):
            held.insert(table, getattr(halves, table))
        builds.keep(halves.resources, clock().timestamp())
        carried = span_exchanges(spans, records) if registry else []
        if carried and registry:
            examiner.examine(carried, registry(), records).keep(store)
        rows = Rows(spans.record, spans.end_ns, halves.windows, halves.window_rows)
        books.arrived(records, rows)
        books.entered(
            records,
            rejects,
            reading,
            spans=spans.seen,
            halves=halves.sources,
            filtered=spans.filtered + halves.passed,
            rejected=spans.refused,
            exchanges=_per_record(carried, records),
        )
        books.marked(records, rows, clock())
        telemetry.SPANS.inc(int(np.sum(spans.seen)))
        telemetry.HALVES.inc(len(halves))
        # internal spans are none of the map, and good ones
        read = int(np.sum(spans.seen) - np.sum(spans.refused))
        try:
            accounted.append(budget.account(records, rejects, read))
        except RejectLimit:  # what was read is written all the same
            yield from durable()
            raise
        if len(accounted) >= settings.together:
            yield from durable()
    yield from durable()


def _per_record(carried: Sequence[Exchange], records: Records) -> NDArray[np.int64]:
    index = records.index()
    rows = np.array(
        [index[exchange.source_id, exchange.partition, exchange.offset] for exchange in carried],
        np.int64,
    )
    return np.bincount(rows, minlength=len(records)).astype(np.int64)
