"""Attributes of any value name a span: what a span says never stops the reading."""

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.decode.span_columns import NAMING
from monitor.edges.names import name_span
from monitor.model.operations import MAX_OPERATION

VALUES = st.one_of(
    st.text(max_size=300),
    st.text(alphabet="0123456789²٤⑦-+.e ", max_size=12),
    st.text(alphabet="9", min_size=4000, max_size=6000),
    st.integers(),
    st.floats(),
    st.booleans(),
)


@given(
    kind=st.integers(2, 5),
    status=st.integers(0, 2),
    name=st.text(max_size=300),
    given_=st.dictionaries(st.sampled_from(sorted(NAMING)), VALUES, max_size=8),
)
def test_any_attributes_give_bounded_printable_names(
    kind: int, status: int, name: str, given_: dict[str, object]
) -> None:
    named = name_span(kind, status, (name, *(word for pair in given_.items() for word in pair)))
    assert len(named.operation) <= MAX_OPERATION
    assert named.operation.isprintable()
    assert named.outcome in {"ok", "client_error", "server_error", "timeout", "cancelled"}


@pytest.mark.parametrize("code", [math.inf, -math.inf, math.nan, 1e300, -(2**63), "²", "9" * 5000])
@pytest.mark.parametrize(
    "attribute", ["http.response.status_code", "rpc.grpc.status_code", "error.type"]
)
def test_a_code_that_is_no_code_is_no_error_of_ours(attribute: str, code: float | str) -> None:
    words = (
        "GET",
        "http.request.method" if "http" in attribute else "rpc.system",
        "grpc",
        attribute,
        code,
    )
    assert name_span(2, 2, words).outcome in {"server_error", "client_error"}
