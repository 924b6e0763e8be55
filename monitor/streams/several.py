"""Several topics as one source: each read by a source of its own, side by side; topics that come
later join in.
"""

import queue
import threading
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace

import structlog

from monitor.clock import monotonic_seconds
from monitor.errors import TopicMissing
from monitor.model.records import Offsets, Partition, Records
from monitor.streams.source import Source

log = structlog.get_logger(__name__)

LOOK_SECONDS = 30.0


@dataclass(slots=True, eq=False)
class _Reader:
    """One topic in the making: its thread reads a batch, hands it over, and waits until it was
    worked on.
    """

    topic: str
    source: Source
    go_on: threading.Event = field(default_factory=threading.Event)
    thread: threading.Thread | None = None
    drained: Mapping[Partition, bool] = field(default_factory=dict)


_Said = tuple[_Reader, Records | None, Exception | None]
"""Who says it, and a batch; or neither batch nor error at its end."""


class SeveralSources:
    """`topics` tells which there are now, and is asked again every `look_seconds`; `make` makes
    the source of one.

    A batch holds records of one topic, and tells of all of them whether their ends were reached.
    While it is worked on, its own topic waits and the others read on. A topic that is missing is
    left out until it is there; TopicMissing only when none of them is there at the start. Any
    other fault of one ends the whole, as with one source. `until_caught_up`: ends when each has
    ended.
    """

    def __init__(
        self,
        topics: Callable[[], Sequence[str]],
        make: Callable[[str], Source],
        *,
        what: str,
        until_caught_up: bool = False,
        look_seconds: float = LOOK_SECONDS,
        monotonic: Callable[[], float] = monotonic_seconds,
    ) -> None:
        """`what` is read, in words: it stands in the error."""
        self._topics, self._make, self._what = topics, make, what
        self._until_caught_up, self._look_seconds, self._monotonic = (
            until_caught_up,
            look_seconds,
            monotonic,
        )
        self._said: queue.SimpleQueue[_Said] = queue.SimpleQueue()
        self._readers: dict[str, _Reader] = {}
        self._owner: _Reader | None = None
        self._closed = threading.Event()
        self._looked = 0.0

    def poll(self) -> Iterator[Records]:
        """See `Source.poll`."""
        self._look()
        if not self._readers:
            raise TopicMissing(
                f"{self._what}: there is none of them; create one or correct the topic setting"
            )
        while not self._closed.is_set():
            if (
                not self._until_caught_up
                and self._monotonic() - self._looked >= self._look_seconds
            ):
                self._look()
            try:
                reader, records, error = self._said.get(timeout=1.0)
            except queue.Empty:
                yield Records([], [], [], [], [], [], self._drained())
                continue
            if records is not None:
                self._owner, reader.drained = reader, records.drained
                yield replace(records, drained=self._drained())
                self._owner = None
                reader.go_on.set()
                continue
            del self._readers[reader.topic]
            if error is None:
                if self._until_caught_up and not self._readers:
                    return
                continue
            if not isinstance(error, TopicMissing) or self._until_caught_up:
                raise error
            log.warning("a topic is not there any more", topic=reader.topic, reason=str(error))

    def commit(self, offsets: Offsets) -> None:
        """See `Source.commit`: what is committed is of the topic whose batch was
        handed on last.
        """
        if self._owner is not None:
            self._owner.source.commit(offsets)

    def close(self) -> None:
        """See `Source.close`."""
        self._closed.set()
        for reader in self._readers.values():
            reader.go_on.set()
            reader.source.close()

    def _drained(self) -> Mapping[Partition, bool]:
        """Of the partitions of every topic, as each told it last."""
        return {
            place: told
            for reader in self._readers.values()
            for place, told in reader.drained.items()
        }

    def _look(self) -> None:
        self._looked = self._monotonic()
        for topic in self._topics():
            if topic not in self._readers:
                reader = self._readers[topic] = _Reader(topic, self._make(topic))
                reader.thread = threading.Thread(
                    target=self._read, args=(reader,), name=f"messages {topic}", daemon=True
                )
                reader.thread.start()

    def _read(self, reader: _Reader) -> None:
        try:
            for records in reader.source.poll():
                reader.go_on.clear()
                self._said.put((reader, records, None))
                while not reader.go_on.wait(1.0):
                    if self._closed.is_set():
                        return
                if self._closed.is_set():
                    return
        except Exception as error:  # noqa: BLE001 - raised where the batches are taken
            self._said.put((reader, None, error))
        else:
            self._said.put((reader, None, None))
