"""Batches that lie, burst or break yield one placeholder and no exception."""

import contextlib
import gzip

import lz4.frame
import pytest
import snappy
import zstandard
from hypothesis import given
from hypothesis import strategies as st
from kafka.codec import gzip_encode, lz4_encode, snappy_encode, zstd_encode
from kafka.record.default_records import DefaultRecordBatchBuilder

from monitor.model.records import REJECT_HEADER
from monitor.streams.bounded import FREE_BYTES, MAX_BYTES, BoundedBatch, TooLarge, bound_for, decompress

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
    return [(row.offset, row.value, dict(row.headers).get(REJECT_HEADER, b"").decode()) for row in opened]


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


@pytest.mark.parametrize("codec", CODECS)
@given(payload=st.binary(max_size=300))
def test_any_bytes_under_any_codec_flag_raise_nothing_but_what_is_promised(codec: int, payload: bytes) -> None:
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


def test_the_bound_grows_with_what_came_and_has_a_ceiling() -> None:
    assert bound_for(10) == FREE_BYTES
    assert bound_for(100_000) == 20_000_000
    assert bound_for(10_000_000) == MAX_BYTES
    assert bound_for(10_000_000, 1000) == 1000
