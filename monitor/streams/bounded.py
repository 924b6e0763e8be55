"""Decompression with a bound, and a record batch that never raises for what is in it.

A 16 KB Kafka record can expand to gigabytes, and an exception out of kafka-python's fetcher leaves
the position on the bad batch for ever. So two names in kafka-python are replaced: its classes for
record batches by `BoundedBatch` (format v2, Kafka 0.11 and later) and `BoundedSet` (the message
sets v0 and v1 that older brokers send), which yield one empty record with `REJECT_HEADER` in place
of what they cannot decode. The records of a batch are read natively where that is built.
"""

import io
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import lz4.frame  # type: ignore[import-untyped]  # no stubs
import snappy  # type: ignore[import-untyped]  # no stubs
import zstandard
from kafka.errors import CorruptRecordError
from kafka.record import memory_records
from kafka.record.default_records import DefaultRecord, DefaultRecordBatch
from kafka.record.legacy_records import LegacyRecord, LegacyRecordBatch

from monitor.model.records import REJECT_HEADER
from monitor.native import BUILT
from monitor.streams.source import MAX_BYTES

MAX_RATIO = 200
FREE_BYTES = 4 * 1024 * 1024
"""A batch may expand to MAX_RATIO times its size but no further than MAX_BYTES; FREE_BYTES are
always allowed.
"""

_CHUNK = 256 * 1024
_PIECE = 16 * 1024 * 1024
"""What the lz4 library makes room for at once. More would be asked of the system each time, and
given back: a memory page that is new costs more than unpacking into it.
"""
_XERIAL = b"\x82SNAPPY\x00"
BROKEN = (
    zlib.error,
    EOFError,
    OSError,
    ValueError,
    RuntimeError,
    IndexError,
    struct.error,
    snappy.UncompressError,
    zstandard.ZstdError,
)
"""What the four codecs raise for bytes that are not theirs."""


class TooLarge(Exception):
    """The payload expands over the bound."""


def bound_for(compressed_bytes: int, max_bytes: int = MAX_BYTES) -> int:
    """How far so many compressed bytes may expand."""
    return max(min(FREE_BYTES, max_bytes), min(max_bytes, MAX_RATIO * compressed_bytes))


def _gzip(payload: bytes, bound: int) -> bytes:
    parts, total = [], 0
    while payload:
        member = zlib.decompressobj(wbits=31)
        part = member.decompress(payload, bound + 1 - total)
        total += len(part)
        if total > bound:
            raise TooLarge
        if not member.eof:
            raise EOFError("the gzip stream is cut off")
        parts.append(part)
        payload = member.unused_data
    return b"".join(parts)


def _snappy_length(block: bytes) -> int:
    """The uncompressed length, which a snappy block begins with as a varint."""
    length = shift = 0
    for byte in block[:5]:
        length |= (byte & 0x7F) << shift
        if byte < 0x80:
            return length
        shift += 7
    raise ValueError("no length at the start of a snappy block")


def _snappy(payload: bytes, bound: int) -> bytes:
    blocks = [payload]
    if payload.startswith(_XERIAL):
        blocks, cursor = [], 16
        while cursor < len(payload):
            (size,) = struct.unpack_from(">i", payload, cursor)
            if size < 0:
                raise ValueError("a snappy block of negative size")
            blocks.append(payload[cursor + 4 : cursor + 4 + size])
            cursor += 4 + size
    if sum(map(_snappy_length, blocks)) > bound:
        raise TooLarge
    return b"".join(map(snappy.decompress, blocks))


def _lz4(payload: bytes, bound: int) -> bytes:
    parts, total = [], 0
    if payload and lz4.frame.get_frame_info(payload)["content_size"] > bound:
        raise TooLarge  # it says so itself: nothing need be unpacked
    while payload:
        frame = lz4.frame.LZ4FrameDecompressor()
        while not frame.eof:
            part = frame.decompress(payload, max_length=min(_PIECE, bound + 1 - total))
            payload = b""
            total += len(part)
            if total > bound:
                raise TooLarge
            if not (part or frame.eof):
                raise EOFError("the lz4 frame is cut off")
            parts.append(part)
        payload = frame.unused_data or b""
    return b"".join(parts)


def _zstd(payload: bytes, bound: int) -> bytes:
    parts, total = [], 0
    if payload and zstandard.frame_content_size(payload) > bound:
        raise TooLarge  # as above
    decompressor = zstandard.ZstdDecompressor(max_window_size=MAX_BYTES)
    with decompressor.stream_reader(io.BytesIO(payload), read_across_frames=True) as reader:
        while part := reader.read(_CHUNK):
            total += len(part)
            if total > bound:
                raise TooLarge
            parts.append(part)
    return b"".join(parts)


DECODERS: dict[int, tuple[str, Callable[[bytes, int], bytes]]] = {
    1: ("gzip", _gzip),
    2: ("snappy", _snappy),
    3: ("lz4", _lz4),
    4: ("zstd", _zstd),
}
"""By Kafka's number of the codec, https://kafka.apache.org/documentation/#recordbatch."""


def decompress(codec: int, payload: bytes, max_bytes: int = MAX_BYTES) -> bytes:
    """The payload expanded, at most `bound_for` it. Raises `TooLarge`, or ValueError with the
    codec's complaint.
    """
    if codec not in DECODERS:
        raise ValueError(f"codec {codec} is unknown")
    name, decode = DECODERS[codec]
    try:
        return decode(payload, bound_for(len(payload), max_bytes))
    except BROKEN as error:
        raise ValueError(f"not {name}: {type(error).__name__}") from error


_Batch: Any = DefaultRecordBatch  # kafka-python's attributes are not typed


class BoundedBatch(_Batch):  # type: ignore[misc]  # as above
    """A record batch that is bounded and never raises: see the head of this module."""

    max_bytes = MAX_BYTES
    _decompressed: bool
    _buffer: Any
    _pos: int

    def __init__(self, buffer: Any) -> None:
        # As theirs, but for a copy of everything: these bytes are nobody else's.
        self._buffer = memoryview(buffer)
        self._header_data = self.HEADER_STRUCT.unpack_from(buffer)
        self._pos = self.HEADER_STRUCT.size
        self._num_records = self._header_data[12]
        self._next_record_index = 0
        self._decompressed = False
        self._refused = ""

    def validate_crc(self) -> bool:
        """Always true: a wrong checksum becomes a refused batch, not an exception."""
        if not super().validate_crc():
            self._refused = "corrupt_batch: checksum"
        return True

    def _maybe_uncompress(self) -> None:
        if self._decompressed:
            return
        self._decompressed = True
        payload = bytes(self._buffer[self._pos :])
        try:
            if self.compression_type != self.CODEC_NONE:
                payload = decompress(self.compression_type, payload, self.max_bytes)
            self._buffer, self._pos = payload, 0
        except TooLarge:
            bound = bound_for(len(payload), self.max_bytes)
            self._refused = f"too_large: {len(payload)} compressed bytes expand over {bound}"
        except ValueError as error:
            self._refused = f"undecodable_batch: {error}"

    def __iter__(self) -> Iterator[DefaultRecord]:
        if not self._refused:
            self._maybe_uncompress()
        if self._refused:
            return iter((self._placeholder(),))
        if BUILT is None or self.is_control_batch or self._next_record_index:
            return self
        rows = BUILT.records(self._buffer, self._num_records)
        return self if rows is None else iter(self._made(rows))

    def _made(self, rows: list[Any]) -> list[DefaultRecord]:
        """Records of what the native reader took; what it left, kafka-python reads in Python."""
        self._next_record_index, self._pos = self._num_records, len(self._buffer)
        base, kind, created = self.base_offset, self.timestamp_type, self.first_timestamp
        latest = self.max_timestamp if kind == self.LOG_APPEND_TIME else None
        return [
            DefaultRecord(
                length,
                base + offset,
                created + later if latest is None else latest,
                kind,
                key,
                value,
                headers,
            )
            for length, offset, later, key, value, headers in rows
        ]

    def __next__(self) -> DefaultRecord:
        try:
            return super().__next__()
        except CorruptRecordError:
            self._refused = "corrupt_record: structure"
            self._next_record_index, self._pos = self._num_records, len(self._buffer)
            return self._placeholder()

    def _placeholder(self) -> DefaultRecord:
        headers = [(REJECT_HEADER, self._refused.encode())]
        return DefaultRecord(
            0, self.last_offset, self.max_timestamp, self.timestamp_type, None, b"", headers
        )


_Set: Any = LegacyRecordBatch  # as above


class BoundedSet(_Set):  # type: ignore[misc]  # as above
    """A message of format v0 or v1, which holds others when it is compressed: bounded, and never
    raises for what is in it.
    """

    max_bytes = MAX_BYTES

    def __init__(self, buffer: bytes, magic: int) -> None:
        super().__init__(buffer, magic)
        self._refused = ""

    def validate_crc(self) -> bool:
        """Always true: a wrong checksum becomes a refused message, not an exception."""
        if not super().validate_crc():
            self._refused = "corrupt_batch: checksum"
        return True

    def _decompress(self, key_offset: int) -> bytes:
        _, payload = self._read_key_value(key_offset)
        if payload is None:
            raise ValueError("a compressed message without a value")
        return decompress(self.compression_type, payload, self.max_bytes)

    def __iter__(self) -> Iterator[LegacyRecord | DefaultRecord]:
        records: list[LegacyRecord | DefaultRecord] = []
        if not self._refused:
            try:
                records = [
                    record if record.validate_crc() else self._placeholder(record.offset)
                    for record in super().__iter__()
                ]
            except TooLarge:
                self._refused = f"too_large: {self.size_in_bytes} bytes of format v{self.magic} expand over the bound"
            except (*BROKEN, AssertionError) as error:
                self._refused = (
                    f"undecodable_batch: format v{self.magic}: {error or type(error).__name__}"
                )
        return iter(records or [self._placeholder(self.base_offset)])

    def _placeholder(self, offset: int) -> DefaultRecord:
        """In place of the message at `offset`; that of a whole set is its last message's."""
        headers = [(REJECT_HEADER, (self._refused or "corrupt_record: checksum").encode())]
        return DefaultRecord(
            0, offset, self._timestamp or 0, self.timestamp_type or 0, None, b"", headers
        )


def bound_batches(max_bytes: int = MAX_BYTES) -> None:
    """Make every kafka-python consumer of this process decode with a bound of so many bytes a
    batch. May be called again.
    """
    BoundedBatch.max_bytes = BoundedSet.max_bytes = max_bytes
    memory_records.DefaultRecordBatch = BoundedBatch
    memory_records.LegacyRecordBatch = BoundedSet
