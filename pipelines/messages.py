"""Records of applications' own topics to checked exchanges in the store; read here what flows
where.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

from monitor.clock import Clock
from monitor.contracts.collecting import uncollected
from monitor.contracts.framing import Writers, nobody
from monitor.contracts.registry import Registry
from monitor.decode.topic_records import Parties, read_messages
from monitor.edges.aliases import Aliases
from monitor.edges.bookkeeping import reading_of
from monitor.joining.books import Books
from monitor.joining.examining import Examiner
from monitor.joining.senders import named_senders
from monitor.joining.unread import explained, read_before
from monitor.model.records import Progress
from monitor.store import Store
from monitor.streams.limit import RejectBudget, RejectLimits
from monitor.streams.source import Source


@dataclass(frozen=True, slots=True)
class MessageSettings:
    """`recorded`: the records are lines of files, each of which tells its topic. `writers`:
    schemas that no published contract holds. `words`: pointers where words are stored.
    """

    parties: Parties = field(default_factory=Parties)
    aliases: Aliases = field(default_factory=Aliases)
    limits: RejectLimits = field(default_factory=RejectLimits)
    recorded: bool = False
    writers: Writers = nobody
    words: frozenset[str] = frozenset()


def messages(
    source: Source,
    store: Store,
    registry: Callable[[], Registry],
    settings: MessageSettings,
    clock: Clock,
) -> Iterator[Progress]:
    """Yields offsets only after their rows are durable: examples shown, violations, exchanges,
    arrivals, then the ledger.

    As with API logs: nothing of a record is kept between batches, and every row collapses under
    its natural key.
    """
    examiner = Examiner(settings.aliases, settings.writers, words=settings.words)
    books = Books(store, "messages")
    budget = RejectBudget(
        settings.limits, "messages", partial(explained, "messages"), partial(read_before, store)
    )
    for records in source.poll():
        reading = reading_of(clock())
        with uncollected():
            batch = read_messages(records, settings.parties, recorded=settings.recorded)
            sent = named_senders(batch.exchanges, store)
            examined = examiner.examine(sent, registry(), records)
        books.examined(records, examined, batch.rejects, reading, clock)
        yield budget.account(records, batch.rejects, len(batch.exchanges))
