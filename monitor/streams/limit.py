"""How much of a log may be unreadable before reading stops, after arroyo's dead-letter limit.

https://getsentry.github.io/arroyo/dlqs.html: over a share or a run of bad records the consumer
stops rather than drains a topic into its rejects, because then not the records but the reader (or
its settings) is wrong.
"""

from collections import Counter, deque
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from monitor.errors import RejectLimit
from monitor.model.records import Fruitless, Offsets, Partition, Progress, Records, Rejects, Unread


@dataclass(frozen=True, slots=True)
class RejectLimits:
    """`max_share` counts over the last `window_records`, and only once that many were seen or
    `max_run` in a row are bad; 1 bears all.
    """

    max_share: float = 0.5
    window_records: int = 1000
    max_run: int = 1000


FIRST_RECORDS = 100
"""So many records that cannot be read, with none that can before or among them, end the reading of
a source.
"""


@dataclass(slots=True)
class _Held:
    """What is known of a source of which nothing could be read yet."""

    reasons: Counter[str]
    offsets: dict[Partition, int]


_MOST_REASONS = 5


@dataclass(slots=True)
class _Harvest:
    """What came of the records so far; once something did, no more is counted."""

    topics: set[str] = field(default_factory=set)
    records: int = 0
    used: int = 0
    passed: int = 0
    reasons: Counter[str] = field(default_factory=Counter)

    def take(self, records: Records, rejects: Rejects, used: int, passed: int) -> None:
        self.used += used
        if self.used:
            return
        self.topics.update(place.topic for place in records.partitions)
        self.records, self.passed = self.records + len(records), self.passed + passed
        for reject in rejects:
            self.reasons[reject.reason] += reject.count


class RejectBudget:
    """Counts whole records refused, in order, and raises `RejectLimit` when the input as such must
    be wrong.

    Until a source has shown one record that can be read, none of its offsets are given out: a
    corrected start then reads it all. A bad record among good ones is counted and passed over.
    `explain` puts a reject's reason in words. `read_before` tells of a source id whether an
    earlier process could read records of it: then its bad records are counted from the first on,
    for a restart among bad records is no wrong setting. It is asked once a source, and only in
    need.
    """

    def __init__(
        self,
        limits: RejectLimits,
        where: str,
        explain: Callable[[str], str] = str,
        read_before: Callable[[str], bool] = lambda _: False,
    ) -> None:
        self._limits, self._where, self._explain, self._read_before = (
            limits,
            where,
            explain,
            read_before,
        )
        self._read: set[str] = set()
        self._harvest = _Harvest()
        self._held: dict[str, _Held] = {}
        self._blocks: deque[tuple[int, int]] = deque()
        self._seen = self._bad = self._run = 0

    def spend(self, records: int, rejected: Iterable[int], reason: str = "") -> None:
        """Account for one batch: its number of records and the indices of those refused as a
        whole.

        Call it before the batch's offsets are yielded: then they stand when this raises.
        """
        bad = sorted(set(rejected))
        self._blocks.append((records, len(bad)))
        self._seen, self._bad = self._seen + records, self._bad + len(bad)
        while self._seen - self._blocks[0][0] >= self._limits.window_records:
            seen, refused = self._blocks.popleft()
            self._seen, self._bad = self._seen - seen, self._bad - refused
        longest = self._longest_run(records, bad)
        if self._limits.max_share >= 1:
            return
        because = f" (last reason: {reason})" if reason else ""
        if longest > self._limits.max_run:
            self._stop(f"{longest} records in a row cannot be read{because}")
        if (
            self._seen >= self._limits.window_records
            and self._bad > self._limits.max_share * self._seen
        ):
            self._stop(f"{self._bad} of the last {self._seen} records cannot be read{because}")

    def account(
        self, records: Records, rejects: Rejects, used: int | None = None, passed: int = 0
    ) -> Progress:
        """Spend a batch by its rejects (those of whole records count) and tell what may be
        committed. Raises `RejectLimit`.

        `used`: how many entries of the batch something came of; None: as many as there are records
        that were not refused. `passed`: how many are sound and of no use.
        """
        whole = {reject.place: reject.reason for reject in rejects if reject.whole}
        reasons = [whole.get(place) for place in records.places()]
        offsets = records.next_offsets
        if self._limits.max_share < 1:
            offsets = self._first_look(records.partitions, reasons, offsets)
        bad = [index for index, reason in enumerate(reasons) if reason is not None]
        self.spend(
            len(records), bad, next((reason for reason in reasons if reason is not None), "")
        )
        self._harvest.take(
            records, rejects, len(records) - len(bad) if used is None else used, passed
        )
        if self._held:
            return Unread("; ".join(self._told(batch) for batch in self._held.values()), offsets)
        if self._harvest.records and not self._harvest.used:
            return Fruitless(self._nothing_came(), offsets)
        return offsets

    def _nothing_came(self) -> str:
        got = self._harvest
        counts = [f"{reason} {count}" for reason, count in got.reasons.most_common(_MOST_REASONS)]
        refused = f"refused: {', '.join(counts)}" if counts else ""
        passed = (
            f"{got.passed} entries are sound and tell of none of what is read here"
            if got.passed
            else ""
        )
        became = "; ".join(filter(None, (passed, refused))) or "they are empty"
        return f"{self._where}, {', '.join(sorted(got.topics))}: nothing came of its {got.records} records. {became}"

    def _first_look(
        self, places: Sequence[Partition], reasons: Sequence[str | None], offsets: Offsets
    ) -> dict[Partition, int]:
        """The offsets without those of sources that showed nothing readable yet, which are kept
        until they do.
        """
        for place, reason in zip(places, reasons, strict=True):
            source = place.source_id
            if source in self._read:
                continue
            if reason is None or (source not in self._held and self._read_before(source)):
                self._read.add(source)
            else:
                self._held.setdefault(source, _Held(Counter(), {})).reasons[reason] += 1
        free: dict[Partition, int] = {}
        for source in self._held.keys() & self._read:
            free |= self._held.pop(source).offsets
        for place, offset in offsets.items():
            if place.source_id in self._held:
                self._held[place.source_id].offsets[place] = offset
            else:
                free[place] = offset
        for held in self._held.values():
            if held.reasons.total() >= FIRST_RECORDS:
                raise RejectLimit(self._told(held))
        return free

    def _told(self, held: _Held) -> str:
        topics = ", ".join(sorted({place.topic for place in held.offsets}))
        ((reason, _),) = held.reasons.most_common(1)
        count = held.reasons.total()
        first = (
            f"none of its first {count} records"
            if count > 1
            else "its first record cannot be read, and it has no other"
        )
        text = first + (" can be read" if count > 1 else "")
        return f"{self._where}, {topics}: {text}; nothing of it was committed. {self._explain(reason)}"

    def _longest_run(self, records: int, bad: list[int]) -> int:
        """The longest run of bad records in this batch, joined to the run that the last batch
        ended with.
        """
        longest, run, previous = self._run, self._run, -1
        for index in bad:
            run = run + 1 if index == previous + 1 else 1
            longest, previous = max(longest, run), index
        ended_bad = bool(bad) and bad[-1] == records - 1
        self._run = run if ended_bad else (self._run if records == 0 else 0)
        return longest

    def _stop(self, what: str) -> None:
        raise RejectLimit(
            f"{self._where}: {what}; nothing was committed for them. Check the topic's encoding (topics.* settings) and its producers, "
            f"or raise rejects.limit_ratio and rejects.limit_records (limit_ratio 1 bears everything), then start again"
        )
