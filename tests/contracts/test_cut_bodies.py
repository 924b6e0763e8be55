"""A body that was cut off is not checked, wherever the cut is."""

import pytest

from monitor.contracts.payloads import Payload

WHOLE = '{"a": true, "b": [1, -2.5e+10, null], "c": "x\\u00e9\\n\\ud83d\\ude00 \u00e9\U0001f600", "d": {}}'
JSON = {"content-type": "application/json"}


def test_what_any_cut_leaves_is_cut_off() -> None:
    for body in (WHOLE, WHOLE.encode()):
        problems = {Payload(body[:size], JSON).problem for size in range(1, len(body))}
        assert problems == {"truncated"}
        assert Payload(body, JSON).problem == ""


@pytest.mark.parametrize("body", [b'{"a": "\xff"', b'{"a" "\xc3', b'{"a": 1} \xc3', b"<p>\xc3"])
def test_what_was_no_json_before_the_cut_is_none(body: bytes) -> None:
    assert Payload(body, JSON).problem == "not_json"
