"""The native outline of a payload is the reference's, mark by mark."""

import json
import os
import tarfile
from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from monitor.contracts.outlines import Marks, Outlines, outlined
from monitor.native import BUILT

pytestmark = pytest.mark.skipif(BUILT is None, reason="no native readers are built here")
NOW = 1_790_000_000.25
SPOKEN = frozenset({"/state", "/items/*/sku", "/*"})
OUTLINES, SPEAKING = Outlines(), Outlines(SPOKEN)
# what is nearly a time, a format, a mask, a word
TEXTS = [
    *("", "a", "open", "A-1", "AB_c.d:e/f", "two words", "a\tb", "a\x1cb", "\x85", "a\x85", "é", "ü 1", "٣", "a٣", "x" * 33, "x" * 17),
    *("1234567", "12345678", "12ab45CD", "abcdefab", "ABCDEFGH", "deadbeef1", "deadbeefg1", "Grace", "grace", "GRACE", "[a]", "(b", "{{c"),
    *("***", "****12", "•••", "***é", "<redacted>", "[FILTERED]", "{{ masked value }}", "xxx", "XXXX", "redacted", "Filtered", "[filtered]"),
    *("2026-11-21", "2026-02-30", "2026-02-29", "2024-02-29", "2026-13-01", "0000-01-01", "2026-00-00", "1799-01-01", "9999-12-31"),
    *("2026-11-30", "2026-11-31", "2026-12-31", "2026-01-30", "2026-02-31", "2026-11-30T10:00:00Z", "2026-04-31T10:00:00.5Z", "2026-10-31T10:00:00Z"),
    *("2026-11-21T10:00:00Z", "2026-11-21T10:00:00.123456789Z", "2026-11-21 10:00", "2026-11-21T10:00Z", "2026-11-21T10:00:00,5Z"),
    *("2026-11-21T10:00:00+02:00", "2026-11-21T10:00:00+0200", "2026-11-21T10:00:00+00:00", "2026-11-21T10:00:00-0000", "2026-11-21Z"),
    *("2026-11-21T24:00:00Z", "2026-11-21T10:60:00Z", "2026-11-21T10:00:60Z", "2026-11-21T10:00:00 Z", "2026-11-21 Z", "2026-11-21 +02:00"),
    *("2026-11-21T10:00:00.Z", "2026-11-21T10:00:00.1234567890Z", "2026-11-21T10:00:00.000Z", "2026-11-21T10:00:00.120000", "2026-11-21T1"),
    *("2026-11-21T10:00:00\xa0Z", "2026-11-21é", "٢٠٢٦-11-21", "2026-11-21T10:00:00+23:59", "2026-11-21T10:00:00+24:00", "2026-11-21T10:00:0"),
    *("6f9619ff-8b86-d011-b42d-00cf4fc964ff", "6F9619FF-8B86-D011-B42D-00CF4FC964FG", "a@b.example", "a.b@c-d.ef", "a..b@c.de", "a@b.c"),
    *("a@@b.de", "@b.example", "a@b.exämple", "a@.de.fr", "http://a.example", "https://a.example:80/b?c#d", "http://a:/b", "http://a.example/é"),
    *("http://", "https:/a.example", "http@b.example", "10.0.0.1", "10.0.0.256", "010.0.0.99", "249.250.255.260", "1.2.3", "1.2.3.4.5", "1..2.3"),
]  # fmt: skip
NUMBERS = [
    *(0, 1, -1, 5, -8, 2**31, 2**53 + 1, 2**63 - 1, -(2**63), 2**63, -(2**63) - 1, 2**70, 10**400),
    *(0.0, -0.0, 0.5, 0.1, -0.3, 1.25, 12.345, 1.23456, 1e-4, 1.5e-5, 5e-324, 2.2e-308, 1e16, 1e300, -2.5, 1e15 + 0.5),
    *(float("inf"), float("-inf"), float("nan"), 0.30000000000000004, 99.99, 1 / 3),
]  # fmt: skip
KEYS = [
    *("state", "items", "sku", "a", "b", "c/d", "e~f", "$ref", "@id", "#text", "a b", "a  b", "a ", "x[0]", "-", "1a", "", "é", "a\n"),
    *("12345678", "a12345", "a123456", "abcdefabcdef", "abcdefabcde", "abcdefab-cdef-abcd-efab-cdefabcdef", "a@b.cd", "a@.b.c", "a@b"),
    *("x" * 64, "x" * 65, "ABCDEF-ABCDEF", "_private", ".hidden", ":", "two words", "K"),
]  # fmt: skip
SCALARS = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=40),
    st.sampled_from(TEXTS),
    st.sampled_from(NUMBERS),
)
VALUES = st.recursive(
    SCALARS,
    lambda inner: (
        st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(KEYS), inner, max_size=5)
    ),
    max_leaves=25,
)


def same(value: Any, *, marked: bool, masked: bool, at: float | None, speaks: bool) -> None:
    """Native and reference, of one payload as it is; of its JSON too, where that is plain."""
    outlines, words = (SPEAKING, SPOKEN) if speaks else (OUTLINES, frozenset[str]())
    expected, marks = counted(marked)
    outline = outlined(value, marks, masked=masked, at=at, words=words)
    native, held = counted(marked)
    told = outlines._native.of(value, held and held.native, masked, at)
    assert told is not None
    assert told[0] == outline.text
    assert sorted(told[1]) == sorted(outline.spoken)
    assert native() == expected()
    try:
        text = json.dumps(value, ensure_ascii=bool(at), allow_nan=False)
    except ValueError:
        return
    read, held = counted(marked)
    from_text = outlines.of_text(text, held, masked=masked, at=at)
    if from_text is not None:
        assert from_text.text == outline.text
        assert sorted(from_text.spoken) == sorted(outline.spoken)
        assert read() == expected()
    else:
        assert not read()


def counted(marked: bool) -> tuple[Callable[[], Counter[str]], Marks | None]:
    """What is counted, and where; nothing unless `marked`."""
    marks = Marks() if marked else None
    return (Counter if marks is None else marks.counts), marks


@pytest.mark.parametrize("masked", [False, True])
def test_each_odd_text_number_and_key_has_the_marks_that_the_reference_tells(masked: bool) -> None:
    for value in (*TEXTS, *NUMBERS, None, True, False):
        for at in (NOW, None):
            same(value, marked=True, masked=masked, at=at, speaks=False)
            same([0, value], marked=True, masked=masked, at=at, speaks=True)
    for key in KEYS:
        same({key: 1, "z": {key: [key]}}, marked=True, masked=masked, at=NOW, speaks=True)


@settings(max_examples=60)
@given(VALUES, st.booleans(), st.booleans(), st.booleans(), st.none() | st.floats(-1e9, 4e9))
def test_whatever_comes_has_one_outline(
    value: Any,
    marked: bool,
    masked: bool,
    speaks: bool,
    at: float | None,
) -> None:
    same(value, marked=marked, masked=masked, at=at, speaks=speaks)


@pytest.mark.parametrize(
    "value",
    [
        {f"k{n}": n for n in range(41)},
        [{"a": n, **({"b": "x"} if n % 3 else {"c": None})} for n in range(30)],
        [[n] for n in range(1_001)],
        [[{"a": n} for n in range(1_001)] for _ in range(12)],
        [{"m": {"12345678": [n], "87654321": {"a": n}}, "n": [[], [1], ["a"]]} for n in range(5)],
        {"a": [[[n, f"{n}"] for n in range(20)] * 20 for _ in range(20)], "b": {"c": {}, "d": []}},
    ],
)
def test_limits_are_those_of_the_reference(value: Any) -> None:
    deep: Any = {"a": 1, "12345678": [2]}
    for level in range(20):
        deep = {"a": deep} if level % 3 else [deep]
    for held in (value, deep, [value, deep]):
        same(held, marked=True, masked=False, at=NOW, speaks=True)


def test_what_json_does_not_hold_is_left_to_the_reference() -> None:
    for value in (b"", {1: 2}, [object()], {"a": (1,)}):
        held = Marks()
        assert OUTLINES._native.of({"a": 1, "b": value}, held.native, False, None) is None
        assert not held.counts()  # what was counted before is taken back
    with pytest.raises(TypeError):
        OUTLINES.of({1: 2, "a": 3})


@pytest.mark.parametrize(
    "text",
    [
        *('{"a":1,"a":2}', '{"a":1', "{'a':1}", '{"a":1}x', "[1,]", "", "[" * 40 + "]" * 40, '{"a":NaN}', '{"a":1e5}', '{"\\u0061":1}'),
        *(f'{{"a":{2**64}}}', '{"a":"\\ud800"}', "\ufeff{}", '{"a":"\n"}', "\ud800"),
    ],
)  # fmt: skip
def test_json_that_is_not_plain_is_left_to_a_reader(text: str) -> None:
    marks = Marks()
    assert OUTLINES.of_text(text, marks) is None
    assert not marks.counts()


def test_a_text_and_its_bytes_are_read_alike() -> None:
    marks = Marks()
    text = ' {"a" : ["\\u00e9\\n", -0, 0.50], "b": {}} '
    assert OUTLINES.of_text(text, marks) == OUTLINES.of_text(text.encode(), marks)
    assert OUTLINES.of(json.loads(text)).text == '{"o":{"a":{"a":{"d":1,"s":1}},"b":{"o":{}}}}'
    assert set(marks.counts().values()) == {2}


@pytest.mark.long
@settings(max_examples=1_500)
@given(VALUES, st.booleans(), st.none() | st.floats(-1e9, 4e9))
def test_whatever_else_comes_has_one_outline(value: Any, masked: bool, at: float | None) -> None:
    same(value, marked=True, masked=masked, at=at, speaks=True)


@pytest.mark.long
@pytest.mark.skipif(
    "SEAMWATCH_CONFORMANCE_DATA" not in os.environ,
    reason="SEAMWATCH_CONFORMANCE_DATA is not set: not run",
)
def test_recorded_documents_have_one_outline() -> None:
    folder = Path(os.environ["SEAMWATCH_CONFORMANCE_DATA"])
    values = [json.loads(path.read_text()) for path in folder.glob("otlp-examples/*.json")]
    with tarfile.open(folder / "json-schema-test-suite" / "suite.tar.gz") as suite:
        values += [
            json.loads(held.read())
            for member in suite.getmembers()
            if member.name.endswith(".json") and (held := suite.extractfile(member))
        ]
    assert len(values) > 100
    for value in values:
        same(value, marked=True, masked=False, at=NOW, speaks=True)
