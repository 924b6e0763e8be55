"""The guess at a file's framing survives a bad record among good ones."""

import pytest

from monitor.streams.framing import guess
from tests.fixtures.spans import S, request


def delimited(*messages: bytes) -> bytes:
    out = b""
    for message in messages:
        left = len(message)
        while left > 127:
            out, left = out + bytes([left & 127 | 128]), left >> 7
        out += bytes([left]) + message
    return out


GOOD = request([S("web", "client", 1, 1)])


@pytest.mark.parametrize("bad", [b"\xff" * 300, b"", b"{}", GOOD[:-1], b"\x0a\xff"], ids=repr)
def test_one_bad_record_does_not_make_a_delimited_file_raw(bad: bytes) -> None:
    assert guess(delimited(GOOD, bad, GOOD), "auto", "auto", whole=True) == "delimited"
