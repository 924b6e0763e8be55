"""Recorded files as a source: OTLP requests, API logs or deploys, plain or gzipped, to replay
without Kafka.
"""

import contextlib
import gzip
import hashlib
import zlib
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import IO, cast

from monitor.clock import Clock, system_clock
from monitor.errors import SourceError
from monitor.model.records import REJECT_HEADER, Offsets, Partition, Records
from monitor.streams.batching import BOUNDS, Gathering
from monitor.streams.framing import GUESS_BYTES, Encoding, Framing, Unreadable, framed, guess
from monitor.streams.source import MAX_BYTES

Progress = Callable[[int, int], None]
"""Told (bytes read, bytes in all), of the files as they lie on disk."""

GZIP = b"\x1f\x8b"


class FileSource:
    """Reads files one after the other, each as one partition, and ends; see `Source`.

    A file's source id is "file:" and the first 16 hex digits of the sha256 of its bytes, so the
    same file is the same source wherever it lies and is read once even if named twice. Offsets
    count records. Every start begins anew: commits are not kept, and replaying is harmless since
    rows have natural keys. A record's time is the time of reading. What cannot be read (a
    truncated tail, broken gzip, a record over `max_record_bytes`) becomes one reject.
    """

    def __init__(
        self,
        paths: Sequence[Path],
        encoding: Encoding = "auto",
        framing: Framing = "auto",
        *,
        progress: Progress | None = None,
        clock: Clock = system_clock,
        max_batch_bytes: int = BOUNDS.payload_bytes,
        max_batch_records: int = BOUNDS.records,
        max_record_bytes: int = MAX_BYTES,
    ) -> None:
        self._paths, self._encoding, self._framing = tuple(paths), encoding, framing
        self._progress, self._clock = progress, clock
        self._max_batch_bytes, self._max_batch_records = max_batch_bytes, max_batch_records
        self._max_record_bytes = max_record_bytes
        self._closed = False

    def poll(self) -> Iterator[Records]:
        """Batches of all files; each carries which files were read to their end."""
        named = {self._partition(path): path for path in reversed(self._paths)}
        once = {partition.source_id: partition for partition in named}
        files = {partition: named[partition] for partition in reversed(once.values())}
        drained = dict.fromkeys(files, False)
        total = sum(path.stat().st_size for path in files.values())
        done = 0
        for partition, path in files.items():
            with _opened(path) as file:
                yield from self._read(file, path, partition, drained, (done, total))
            done += path.stat().st_size
            if self._closed:
                return
        if not files:
            yield Gathering().take({})

    def commit(self, offsets: Offsets) -> None:
        """Nothing to keep: a replay begins anew."""

    def close(self) -> None:
        """See `Source.close`."""
        self._closed = True

    def _partition(self, path: Path) -> Partition:
        return Partition(source_id_of(path), path.name, 0)

    def _read(
        self,
        file: IO[bytes],
        path: Path,
        partition: Partition,
        drained: dict[Partition, bool],
        done: tuple[int, int],
    ) -> Iterator[Records]:
        before, total = done
        framing, gathering = self._framing_of(path), Gathering()
        stream = cast("IO[bytes]", gzip.GzipFile(fileobj=file)) if _is_gzip(path) else file
        for offset, record in enumerate(framed(stream, framing, self._max_record_bytes)):
            now_ms = int(self._clock().timestamp() * 1000)
            if isinstance(record, Unreadable):
                gathering.add(
                    b"", partition, offset, now_ms, {REJECT_HEADER: record.reason.encode()}
                )
            else:
                gathering.add(record, partition, offset, now_ms, {})
            if (
                gathering.payload_bytes >= self._max_batch_bytes
                or len(gathering) >= self._max_batch_records
            ):
                self._tell(before + file.tell(), total)
                yield gathering.take(dict(drained))
                if self._closed:
                    return
        drained[partition] = True
        self._tell(before + file.tell(), total)
        yield gathering.take(dict(drained))

    def _framing_of(self, path: Path) -> Framing:
        with _opened(path) as file:
            prefix = file.read(GUESS_BYTES + 1)
        if prefix.startswith(GZIP):
            with contextlib.suppress(zlib.error):
                prefix = zlib.decompressobj(wbits=31).decompress(prefix, GUESS_BYTES + 1)
        return guess(
            prefix[:GUESS_BYTES], self._encoding, self._framing, whole=len(prefix) <= GUESS_BYTES
        )

    def _tell(self, done: int, total: int) -> None:
        if self._progress is not None:
            self._progress(done, total)


def source_id_of(path: Path) -> str:
    """What a file is known by in the ledger: its bytes, wherever it lies."""
    with _opened(path) as file:
        digest = hashlib.file_digest(file, "sha256").hexdigest()  # type: ignore[arg-type]  # a buffered reader of a real file
    return f"file:{digest[:16]}"


def _opened(path: Path) -> IO[bytes]:
    try:
        return path.open("rb")
    except OSError as error:
        raise SourceError(
            f"{path} cannot be read: {error.strerror}; name a file of recorded records"
        ) from error


def _is_gzip(path: Path) -> bool:
    with _opened(path) as file:
        return file.read(2) == GZIP
