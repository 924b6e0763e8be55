"""Bytes tell what they are."""

import gzip

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.model.forms import SPAN_ENCODINGS, form_of, looks, without_bom
from tests.fixtures.signals import FOREIGN, logs, metrics
from tests.fixtures.spans import S, request


@pytest.mark.parametrize(("form", "value"), FOREIGN.items())
def test_what_people_send_by_mistake_is_known_and_has_words(form: str, value: bytes) -> None:
    assert form_of(value) == form
    assert looks(form)


@pytest.mark.parametrize("kind", ["gauge", "sum", "histogram", "exponential_histogram", "summary"])
def test_metrics_are_known_whatever_they_measure_even_under_names_as_long_as_ids(
    kind: str,
) -> None:
    assert form_of(metrics(kind=kind)) == "otlp_metrics"
    assert form_of(metrics("a" * 16, "b" * 8, kind)) == "otlp_metrics"


def test_logs_are_known_without_a_time_and_with_a_trace() -> None:
    assert [form_of(value) for value in (logs(), logs(at=0), logs(trace=True))] == [
        "otlp_logs"
    ] * 3


@given(
    st.lists(st.sampled_from(["client", "server", "internal"]), min_size=1, max_size=4),
    st.text(max_size=20),
)
def test_spans_are_never_taken_for_another_signal(kinds: list[str], name: str) -> None:
    spans = [
        S(name or "web", kind, 1, number + 1, attributes={"a": name})
        for number, kind in enumerate(kinds)
    ]
    assert form_of(request(spans)) == "otlp_proto"


@given(st.binary(max_size=300))
def test_no_bytes_raise(value: bytes) -> None:
    form = form_of(value)
    assert form == "" or looks(form)


def test_every_encoding_of_spans_has_words() -> None:
    assert all(map(looks, SPAN_ENCODINGS))


@pytest.mark.parametrize(
    "value",
    [b'{"a": 1', b'{"a": 1}garbage', b"[1, 2", b"\x00" * 50, b"", b"ORCHESTRATOR"[:3] + b"\xff"],
)
def test_what_is_broken_has_no_form(value: bytes) -> None:
    assert form_of(value) == ""


def test_a_byte_order_mark_hides_nothing() -> None:
    assert without_bom(b"\xef\xbb\xbf{}") == b"{}"
    assert form_of(b'\xef\xbb\xbf{"resourceMetrics": []}') == "otlp_metrics"
    assert form_of(gzip.compress(b"{}")) == "gzip"
