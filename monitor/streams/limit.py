"""How much of a log may be unreadable before reading stops, after arroyo's dead-letter limit.

https://getsentry.github.io/arroyo/dlqs.html: over a share or a run of bad records the consumer stops rather than drains a
topic into its rejects, because then not the records but the reader (or its settings) is wrong.
"""

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from monitor.errors import RejectLimit
from monitor.model.records import Records, Rejects


@dataclass(frozen=True, slots=True)
class RejectLimits:
    """`max_share` counts over the last `window_records`, and only once that many were seen or `max_run` in a row are bad; 1 bears all."""

    max_share: float = 0.5
    window_records: int = 1000
    max_run: int = 1000


class RejectBudget:
    """Counts whole records refused, in order, and raises `RejectLimit` when the input as such must be wrong."""

    def __init__(self, limits: RejectLimits, where: str) -> None:
        self._limits, self._where = limits, where
        self._blocks: deque[tuple[int, int]] = deque()
        self._seen = self._bad = self._run = 0

    def spend(self, records: int, rejected: Iterable[int], reason: str = "") -> None:
        """Account for one batch: its number of records and the indices of those refused as a whole.

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
        if self._seen >= self._limits.window_records and self._bad > self._limits.max_share * self._seen:
            self._stop(f"{self._bad} of the last {self._seen} records cannot be read{because}")

    def account(self, records: Records, rejects: Rejects) -> None:
        """Spend a batch by its rejects: those of whole records count, with the first one's reason."""
        whole = {(r.source_id, r.partition, r.offset): r.reason for r in rejects if r.whole}
        places = zip(records.partitions, records.offsets, strict=True)
        bad = [index for index, (place, offset) in enumerate(places) if (place.source_id, place.partition, offset) in whole]
        self.spend(len(records), bad, next(iter(whole.values()), ""))

    def _longest_run(self, records: int, bad: list[int]) -> int:
        """The longest run of bad records in this batch, joined to the run that the last batch ended with."""
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
