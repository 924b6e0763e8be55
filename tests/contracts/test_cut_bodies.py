"""A body that was cut off is not checked, wherever the cut is."""

import gzip

import pytest

from monitor.contracts.payloads import Payload

WHOLE = '{"a": true, "b": [1, -2.5e+10, null], "c": "x\\u00e9\\n\\ud83d\\ude00 \u00e9\U0001f600", "d": {}}'
JSON = {"content-type": "application/json"}


def test_what_any_cut_leaves_is_cut_off() -> None:
    for body in (WHOLE, WHOLE.encode()):
        problems = {Payload(body[:size], JSON).problem for size in range(1, len(body))}
        assert problems == {"truncated"}
        assert Payload(body, JSON).problem == ""


def test_what_ends_early_at_the_length_that_was_sent_was_not_cut_but_is_no_json() -> None:
    for body in (b'{"a": "\xc3', '{"a": "\u00e9', b"["):
        size = len(body if isinstance(body, bytes) else body.encode())
        problems = [
            Payload(body, JSON | {"content-length": str(length)}).problem
            for length in (size, size + 1, size - 1)
        ]
        assert problems == ["not_json", "truncated", "truncated"]
        assert Payload(body, {"content-length": str(size)}).problem == "media_type"
        # a length of what is packed says nothing of what was unpacked
        packed = gzip.compress(body.encode() if isinstance(body, str) else body)
        held = JSON | {"content-length": str(len(packed)), "content-encoding": "gzip"}
        assert Payload(packed, held).problem == "truncated"
        assert Payload(body, JSON | {"content-length": str(size)}, truncated=True).problem == (
            "truncated"
        )


@pytest.mark.parametrize("body", [b'{"a": "\xff"', b'{"a" "\xc3', b'{"a": 1} \xc3', b"<p>\xc3"])
def test_what_was_no_json_before_the_cut_is_none(body: bytes) -> None:
    assert Payload(body, JSON).problem == "not_json"
