"""Deploy events on Kafka, and versions as telemetry shows them, to deploys in the
control store.
"""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial

import numpy as np
from sqlalchemy import Engine

from monitor.clock import Clock
from monitor.control.deploys import record
from monitor.decode.deploys import DeployEvents, decode_deploys
from monitor.detect.measure.versions import VersionMemory, VersionSettings
from monitor.edges.aliases import Aliases
from monitor.edges.bookkeeping import reading_of
from monitor.joining.books import Books, Counts
from monitor.joining.unread import explained, read_before
from monitor.model.deploys import Deploy, DeployEvent
from monitor.model.edges import WINDOW_SECONDS
from monitor.model.records import Progress, Records
from monitor.store import Store
from monitor.store.reader import Reader
from monitor.streams.limit import RejectBudget, RejectLimits
from monitor.streams.source import Source


@dataclass(frozen=True, slots=True)
class DeploySettings:
    """Aliases join the names of deploy tools to those of telemetry; `history` is how far back
    versions are remembered at start.
    """

    aliases: Aliases = field(default_factory=Aliases)
    limits: RejectLimits = field(default_factory=RejectLimits)
    versions: VersionSettings = field(default_factory=VersionSettings)
    history: timedelta = timedelta(hours=24)


def deploys(
    source: Source, engine: Engine, store: Store, settings: DeploySettings, clock: Clock
) -> Iterator[Progress]:
    """Yields offsets only after their events are merged in the control store and their ledger rows
    are durable.

    An event that comes again changes nothing (its key is source and id), so a crash at any point
    is harmless.
    """
    budget = RejectBudget(
        settings.limits, "deploys", partial(explained, "deploys"), partial(read_before, store)
    )
    books = Books(store, "deploys")
    for records in source.poll():
        reading = reading_of(clock())
        batch = decode_deploys(records)
        for event in batch.events:
            record(engine, settings.aliases.deploy(event), clock())
        books.entered(records, batch.rejects, reading, **_counts(records, batch))
        yield budget.account(records, batch.rejects)


class VersionWatch:
    """Turns sealed sightings into deploys. Holds only what it can learn again from the store after
    a restart.
    """

    def __init__(self, reader: Reader, engine: Engine, settings: DeploySettings) -> None:
        self._reader, self._engine, self._settings = reader, engine, settings
        self._memory = VersionMemory(settings.versions)
        self._learned_until: datetime | None = None
        self._pending: list[DeployEvent] = []

    def step(self, now: datetime) -> list[Deploy]:
        """Learn the windows sealed since the last step; record what they show and return those
        deploys.
        """
        newest = self._reader.last_sealed()
        if newest is None:
            return []
        until = newest + timedelta(seconds=WINDOW_SECONDS)
        since = self._learned_until or until - self._settings.history
        if since < until:
            self._pending += self._memory.learn(self._reader.sightings(since, until))
            self._learned_until = until
        recorded: list[Deploy] = []
        while self._pending:  # what could not be recorded stays, to be tried at the next step
            recorded.append(record(self._engine, self._pending[0], now))
            del self._pending[0]
        return recorded


def _counts(records: Records, batch: DeployEvents) -> dict[str, Counts]:
    filtered, rejected = np.zeros(len(records), np.int64), np.zeros(len(records), np.int64)
    filtered[list(batch.filtered)] = 1
    index = records.index()
    rejected[[index[reject.place] for reject in batch.rejects]] = 1
    return {"filtered": filtered, "rejected": rejected}
