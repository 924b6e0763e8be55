"""The seam between a pipeline and whatever feeds it."""

from collections.abc import Iterator
from typing import Protocol

from monitor.model.records import Offsets, Records

MAX_BYTES = 64 * 1024 * 1024
"""What one record, or a batch of records that is unpacked, may hold."""


class Source(Protocol):
    """A log to read from, once per instance and by one thread.

    Every source keeps these promises (tests/conformance/test_sources.py):

    * Records come in order within a partition, with ascending offsets, and each batch belongs to
      its reader.
    * Advancing the iterator of `poll` says that the former batch is done with: nothing of it need
      be kept.
    * What was committed is not read again by the next source of the same group; what was not
      committed is.
    * Bytes that cannot be decoded never raise: one empty record stands for them, see
      `model.records.REJECT_HEADER`.
    * Errors are `SourceUnavailable` (try again with a new source) or `SourceError`, with what,
      where and what to do.
    """

    def poll(self) -> Iterator[Records]:
        """Batches for ever, or up to the ends seen at the start when built so.

        Yields at least about every `poll_seconds`: an empty batch is a heartbeat that carries
        `drained` only.
        """
        ...

    def commit(self, offsets: Offsets) -> None:
        """Remember that everything before these offsets is durable. Partitions no longer ours are
        left out silently.
        """
        ...

    def close(self) -> None:
        """Leave at once; the next reader takes over. Commits nothing. May be called twice."""
        ...
