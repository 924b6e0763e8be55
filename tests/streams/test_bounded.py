"""Batches that lie, burst or break yield one placeholder and no exception."""

import contextlib
import gzip
import random
import zlib

import lz4.frame
import pytest
import snappy
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st
from kafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from kafka.record.default_records import DefaultRecordBatch, DefaultRecordBatchBuilder
from kafka.record.legacy_records import LegacyRecordBatchBuilder
from kafka.record.memory_records import MemoryRecords
from kafka.record.util import calc_crc32c

from monitor import native
from monitor.model.records import REJECT_HEADER
from monitor.streams import bounded
from monitor.streams.bounded import (
    FREE_BYTES,
    MAX_BYTES,
    BoundedBatch,
    TooLarge,
    bound_batches,
    bound_for,
    decompress,
)

CRC_AT, ATTRIBUTES_AT = 12, 17  # in a message of format v1
CODECS = {1: gzip_encode, 2: snappy_encode, 3: lz4_encode, 4: zstd_encode}


def batch(codec: int, values: list[bytes]) -> bytearray:
    builder = DefaultRecordBatchBuilder(
        magic=2,
        compression_type=codec,
        is_transactional=0,
        producer_id=-1,
        producer_epoch=-1,
        base_sequence=-1,
        batch_size=1 << 30,
    )
    for offset, value in enumerate(values):
        builder.append(offset, 1000 + offset, None, value, [])
    return bytearray(builder.build())


def read(data: bytearray) -> list[tuple[int, bytes, str]]:
    opened = BoundedBatch(bytes(data))
    assert opened.validate_crc()
    return [
        (row.offset, row.value, dict(row.headers).get(REJECT_HEADER, b"").decode())
        for row in opened
    ]


@pytest.mark.parametrize("codec", [0, *CODECS])
def test_a_sound_batch_is_read_as_it_is(codec: int) -> None:
    assert read(batch(codec, [b"a", b"b" * 1000])) == [(0, b"a", ""), (1, b"b" * 1000, "")]


@pytest.mark.parametrize("codec", CODECS)
def test_a_bomb_becomes_one_placeholder_at_the_last_offset(codec: int) -> None:
    [(offset, value, reason)] = read(batch(codec, [b"small", b"\0" * 70_000_000]))
    assert (offset, value) == (1, b"")
    assert reason.startswith("too_large: ")


@pytest.mark.parametrize("codec", [0, *CODECS])
def test_a_flipped_byte_becomes_one_placeholder(codec: int) -> None:
    data = batch(codec, [b"a" * 50, b"b" * 50])
    data[-3] ^= 0xFF
    assert read(data) == [(1, b"", "corrupt_batch: checksum")]


def message_set(magic: int, codec: int, values: list[bytes]) -> bytearray:
    builder = LegacyRecordBatchBuilder(magic, codec, 1 << 30)
    for offset, value in enumerate(values):
        builder.append(offset, 1000 + offset, None, value)
    data = bytearray(builder.build())
    if codec:
        # as brokers do: a set has its last message's offset
        data[:8] = (len(values) - 1).to_bytes(8, "big")
    return data


def read_set(data: bytearray) -> list[tuple[int, bytes, str]]:
    """As kafka-python's fetcher does: batch after batch, checksums looked at."""
    bound_batches()
    sets, read = MemoryRecords(bytes(data)), []
    while (opened := sets.next_batch()) is not None:
        assert opened.validate_crc()
        for row in opened:
            assert row.validate_crc()
            read.append(
                (row.offset, row.value, dict(row.headers).get(REJECT_HEADER, b"").decode())
            )
    return read


OLD = pytest.mark.parametrize(
    ("magic", "codec"), [(0, 0), (0, 1), (0, 2), (1, 0), (1, 1), (1, 2), (1, 3)]
)


@OLD
def test_a_sound_message_set_of_an_old_broker_is_read_as_it_is(magic: int, codec: int) -> None:
    assert read_set(message_set(magic, codec, [b"a", b"b" * 1000])) == [
        (0, b"a", ""),
        (1, b"b" * 1000, ""),
    ]


@OLD
def test_a_bomb_of_an_old_broker_becomes_one_placeholder(magic: int, codec: int) -> None:
    if codec:
        [(offset, value, reason)] = read_set(
            message_set(magic, codec, [b"small", b"\0" * 70_000_000])
        )
        assert (offset, value) == (1, b"")
        assert reason.startswith("too_large: ")


@OLD
def test_a_flipped_byte_in_an_old_message_set_is_refused_and_what_stands_beside_it_read(
    magic: int, codec: int
) -> None:
    data = message_set(magic, codec, [b"a" * 50, b"b" * 50])
    data[-3] ^= 0xFF
    *before, (_, value, reason) = read_set(data)
    assert (value, reason) == (b"", "corrupt_batch: checksum")
    assert before == ([] if codec else [(0, b"a" * 50, "")])


@pytest.mark.parametrize("codec", [1, 2, 3])
def test_an_old_message_set_under_the_wrong_codec_flag_is_refused(codec: int) -> None:
    data = message_set(1, codec, [b"a" * 50])
    data[ATTRIBUTES_AT] = codec % 3 + 1
    data[CRC_AT : CRC_AT + 4] = zlib.crc32(data[CRC_AT + 4 :]).to_bytes(4, "big")
    [(_, _, reason)] = read_set(data)
    assert reason.startswith("undecodable_batch: format v1: not ")


@pytest.mark.parametrize("codec", CODECS)
@given(payload=st.binary(max_size=300))
def test_any_bytes_under_any_codec_flag_raise_nothing_but_what_is_promised(
    codec: int, payload: bytes
) -> None:
    with contextlib.suppress(TooLarge, ValueError):
        assert len(decompress(codec, payload)) <= bound_for(len(payload))


@pytest.mark.parametrize("codec", CODECS)
@given(payload=st.binary(max_size=3000))
def test_what_was_compressed_comes_back(codec: int, payload: bytes) -> None:
    assert decompress(codec, CODECS[codec](payload)) == payload


def test_several_members_and_frames_in_a_row_are_read_whole() -> None:
    assert decompress(1, gzip.compress(b"a") + gzip.compress(b"b")) == b"ab"
    assert decompress(3, lz4.frame.compress(b"a") + lz4.frame.compress(b"b")) == b"ab"
    assert decompress(4, zstandard.compress(b"a") + zstandard.compress(b"b")) == b"ab"
    assert decompress(2, snappy.compress(b"ab")) == b"ab"


@pytest.mark.parametrize("codec", [2, 3, 4])
def test_a_payload_that_says_it_is_too_large_is_refused_before_it_is_unpacked(codec: int) -> None:
    with pytest.raises(TooLarge):
        decompress(
            codec,
            {2: snappy.compress, 3: lz4_encode, 4: zstd_encode}[codec](b"\0" * 70_000_000)[:40],
        )


def test_the_bound_grows_with_what_came_and_has_a_ceiling() -> None:
    assert bound_for(10) == FREE_BYTES
    assert bound_for(100_000) == 20_000_000
    assert bound_for(10_000_000) == MAX_BYTES
    assert bound_for(10_000_000, 1000) == 1000


def told(data: bytes) -> list[object]:
    """Everything that kafka-python's fetcher takes from a batch."""
    opened = BoundedBatch(data)
    assert opened.validate_crc()
    rows = [
        (
            row.size_in_bytes,
            row.offset,
            row.timestamp,
            row.timestamp_type,
            row.key,
            row.value,
            row.headers,
        )
        for row in opened
    ]
    return [*rows, opened.next_offset, opened.leader_epoch]


@pytest.mark.skipif(native.BUILT is None, reason="the native readers are not built here")
@settings(max_examples=40)
@given(
    rows=st.lists(
        st.tuples(
            st.integers(0, 2**40),
            st.none() | st.binary(max_size=9),
            st.none() | st.binary(max_size=200),
            st.lists(
                st.tuples(st.text(max_size=5), st.none() | st.binary(max_size=5)), max_size=3
            ),
        ),
        min_size=1,
        max_size=8,
    ),
    codec=st.sampled_from([0, 1, 3]),
    appended=st.booleans(),
    flip=st.none() | st.tuples(st.integers(0, 400), st.integers(1, 255)),
)
def test_records_are_read_natively_as_by_kafka_python(
    rows: list[tuple[int, bytes | None, bytes | None, list[tuple[str, bytes | None]]]],
    codec: int,
    appended: bool,
    flip: tuple[int, int] | None,
) -> None:
    """Sound batches, and those that a broker took with a record that is none."""
    builder = DefaultRecordBatchBuilder(2, codec, 0, -1, -1, -1, 1 << 30)
    for offset, (timestamp_ms, key, value, headers) in enumerate(rows):
        builder.append(offset, timestamp_ms, key, value, headers)
    data = bytearray(builder.build())
    if appended:
        data[22] |= DefaultRecordBatch.TIMESTAMP_TYPE_MASK
    if flip is not None:
        data[61 + flip[0] % (len(data) - 61)] ^= flip[1]
    data[17:21] = calc_crc32c(memoryview(data)[21:]).to_bytes(4, "big")
    natively = told(bytes(data))
    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(bounded, "BUILT", None)
        assert told(bytes(data)) == natively


def test_an_lz4_frame_of_any_size_is_unpacked_and_one_that_is_cut_off_is_not() -> None:
    """In pieces: what is more than the library is given room for at once comes all the same."""
    large = random.Random(1).randbytes(17_000_000)
    packed = lz4.frame.compress(large, block_linked=False, store_size=False)
    assert decompress(3, packed) == large
    small = lz4.frame.compress(large[:70_000], block_linked=False, store_size=False)
    assert decompress(3, small + small) == large[:70_000] * 2
    for end in (1, 6, 7, 11, len(small) // 2, len(small) - 4, len(small) - 1):
        with pytest.raises(ValueError, match="not lz4"):
            decompress(3, small[:end])
