"""API logs on Kafka to checked exchanges in the store; read here what flows where."""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from functools import partial

import numpy as np

from monitor.clock import Clock
from monitor.contracts.collecting import uncollected
from monitor.contracts.framing import Writers, nobody
from monitor.contracts.registry import Registry
from monitor.decode.api_logs import UNNAMED, ApiLogReading, Heads, Names
from monitor.edges.aliases import Aliases
from monitor.edges.bookkeeping import reading_of
from monitor.joining.books import Books
from monitor.joining.examining import Examiner
from monitor.joining.pieces import Pieces
from monitor.joining.senders import named_as_they_come
from monitor.joining.unread import explained, read_before
from monitor.model.records import Progress
from monitor.store import Store
from monitor.streams.limit import RejectBudget, RejectLimits
from monitor.streams.source import Source


@dataclass(frozen=True, slots=True)
class ApiLogSettings:
    """`format` and `names` as read_api_logs takes them; `mapping` field to JSON pointer, for
    "mapping"; `writers` as for messages. `words`: pointers where words of payloads are stored.
    """

    format: str = "auto"
    mapping: Mapping[str, str] = field(default_factory=dict)
    aliases: Aliases = field(default_factory=Aliases)
    limits: RejectLimits = field(default_factory=RejectLimits)
    names: Names = UNNAMED
    writers: Writers = nobody
    words: frozenset[str] = frozenset()


def api_logs(
    source: Source,
    store: Store,
    registry: Callable[[], Registry],
    settings: ApiLogSettings,
    clock: Clock,
    stopped: Callable[[], bool] = lambda: False,
) -> Iterator[Progress]:
    """Yields offsets only after their rows are durable: examples shown, violations, exchanges,
    arrivals, then the ledger.

    `registry` gives the snapshot to use, asked once a batch. Keeps nothing of a record between
    batches, but for the fields that the head of a log names, and records with pieces of exchanges
    whose others did not come yet; from these on nothing is committed. A crash re-reads at most
    what was not committed, and every row collapses under its natural key. `stopped`: whether the
    source ends for a stop; else pieces that wait at its end are told alone.
    """
    heads, pieces = Heads(), Pieces()
    examiner = Examiner(settings.aliases, settings.writers, words=settings.words)
    books = Books(store, "api_logs")
    budget = RejectBudget(
        settings.limits, "api_logs", partial(explained, "api-logs"), partial(read_before, store)
    )
    for records in pieces.batches(source.poll(), clock, stopped):
        if not records.values:
            books.idle(records, clock())
            yield pieces.settled(budget.account(records, (), 0))
            continue
        reading = reading_of(clock())
        # a batch's exchanges and payloads are in no circle: they are gone when they are let go
        with uncollected():
            batch = ApiLogReading(
                records, settings.format, settings.mapping, settings.names, heads, pieces.waits
            )
            sent = named_as_they_come(batch, store)  # of messages that the capture kit tells
            examined = examiner.examine(sent, registry(), records)
        rejects, passed = batch.rejects, np.array(batch.passed, np.int64)
        books.examined(records, examined, rejects, reading, clock, filtered=passed)
        yield pieces.settled(budget.account(records, rejects, batch.count, int(passed.sum())))
