"""Joints follow from the spans alone: not from their order, nor from which windows are closed; and
hostile traces end them nowhere.
"""

from collections.abc import Sequence

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from monitor.edges.kin import joints

# trace span parent kind start end service protocol host outcome
Row = tuple[int, int, int, int, float, float, str, str, str, str]
T0 = 1_790_000_000

ROWS = st.lists(
    st.tuples(
        st.integers(1, 2),
        st.integers(1, 6),
        st.integers(0, 6),
        st.integers(1, 5),
        st.floats(0, 50),
        st.floats(0, 50),
        st.sampled_from(["web", "shop", "shop-proxy", "pay"]),
        st.sampled_from(["http", "grpc", "database", "messaging", "other"]),
        st.sampled_from(["", "pay", "pay.shop", "10.0.0.1"]),
        st.sampled_from(["ok", "timeout"]),
    ),
    max_size=12,
    unique_by=lambda row: (row[0], row[1], row[3]),
)


def table(rows: Sequence[Row]) -> pa.Table:
    words = pa.dictionary(pa.int32(), pa.string())

    def texts(values: Sequence[str]) -> pa.Array:
        return pa.array(values, pa.string()).cast(words)

    starts = [int((T0 + min(row[4], row[5])) * 1e9) for row in rows]
    ends = [int((T0 + max(row[4], row[5])) * 1e9) for row in rows]
    inner = [row[3] == 1 for row in rows]
    return pa.table(
        {
            "trace": pa.array([row[0].to_bytes(16, "big") for row in rows], pa.binary(16)),
            "span": pa.array([row[1].to_bytes(8, "big") for row in rows], pa.binary(8)),
            "parent": pa.array([row[2].to_bytes(8, "big") for row in rows], pa.binary(8)),
            "kind": pa.array([row[3] for row in rows], pa.uint8()),
            "window": pa.array([end // 10**10 * 10 for end in ends], pa.uint32()),
            "start_ns": pa.array(starts, pa.uint64()),
            "end_ns": pa.array(ends, pa.uint64()),
            "namespace": texts(["" for _ in rows]),
            "service": texts([row[6] for row in rows]),
            "version": texts(["1" for _ in rows]),
            "protocol": texts(["" if at else row[7] for row, at in zip(rows, inner, strict=True)]),
            "host": texts(["" if at else row[8] for row, at in zip(rows, inner, strict=True)]),
            "outcome": texts(["" if at else row[9] for row, at in zip(rows, inner, strict=True)]),
            "error_type": texts(["" for _ in rows]),
            "failed": pa.array([0 for _ in rows], pa.uint8()),
        }
    )


def told(rows: Sequence[Row]) -> list[str]:
    near = list(range(T0 - 10, T0 + 80, 10))
    return sorted(map(repr, joints(table(rows), near).to_pylist()))


@given(ROWS, st.randoms(use_true_random=False))
def test_joints_do_not_depend_on_the_order_of_rows(rows: list[Row], chance: object) -> None:
    shuffled = list(rows)
    chance.shuffle(shuffled)  # type: ignore[attr-defined]  # hypothesis' Random
    assert told(shuffled) == told(rows)


@given(ROWS)
def test_a_trace_says_nothing_of_another(rows: list[Row]) -> None:
    apart = [told([row for row in rows if row[0] == trace]) for trace in (1, 2)]
    assert sorted(apart[0] + apart[1]) == told(rows)


@given(ROWS)
def test_each_span_has_one_joint_at_most_and_no_span_stands_for_itself_and_is_dropped(
    rows: list[Row],
) -> None:
    joint_rows = joints(table(rows), list(range(T0 - 10, T0 + 80, 10))).to_pylist()
    keys = [(row["trace"], row["span"], row["side"], row["window"]) for row in joint_rows]
    kinds = {
        (row[0].to_bytes(16, "big"), row[1].to_bytes(8, "big"), 2 if row[3] == 2 else 1)
        for row in rows
    }
    assert {key[:3] for key in keys} <= kinds
    assert all(
        not row["told_service"] or row["key_span"] != bytes(8)
        for row in joint_rows
        if row["side"] == 2 and not row["dropped"]
    )


def test_a_circle_of_parents_ends() -> None:
    circle: list[Row] = [
        (1, n, n % 5 + 1, kind, 1, 2, "web", "http", "", "ok")
        for n, kind in zip(range(1, 6), (1, 1, 3, 1, 2), strict=True)
    ]
    assert isinstance(told(circle), list)


def test_forty_internal_spans_stand_between_as_one() -> None:
    chain: list[Row] = [(1, 1, 0, 3, 0, 9, "web", "grpc", "", "ok")]
    chain += [(1, n, n - 1, 1, 1, 8, "web", "", "", "") for n in range(2, 42)]
    chain += [(1, 42, 41, 2, 2, 7, "stock", "grpc", "", "ok")]
    joint_rows = joints(table(chain), [T0]).to_pylist()
    assert [
        (row["span"][-1], row["key_span"][-1], row["dropped"])
        for row in joint_rows
        if row["side"] == 2
    ] == [(42, 1, 0)]


@pytest.mark.parametrize(
    ("first", "second", "dropped"),
    [
        ("istio-proxy", "istio-proxy", [2, 3, 4, 5]),
        ("shop-proxy", "pay-sidecar", [2, 3, 4, 5]),
        ("shop-envoy", "pay-gateway", [2, 3]),
        ("edge", "pay-envoy", [4, 5]),
        ("edge", "pay-proxy", []),
    ],
)
def test_sidecars_that_tell_both_what_came_and_what_went_are_hops(
    first: str, second: str, dropped: list[int]
) -> None:
    names = ("shop", first, first, second, second, "pay")
    rows: list[Row] = [
        (1, n, n - 1, 2 if n % 2 == 0 else 3, n, 20 - n, name, "http", "", "ok")
        for n, name in enumerate(names, start=1)
    ]
    joint_rows = joints(table(rows), [T0, T0 + 10]).to_pylist()
    assert sorted(row["span"][-1] for row in joint_rows if row["dropped"]) == dropped
    if dropped == [2, 3, 4, 5]:
        assert [
            row["key_span"][-1] for row in joint_rows if row["side"] == 2 and not row["dropped"]
        ] == [1]


@pytest.mark.parametrize(
    ("service", "hops"),
    [("shop-proxy", True), ("shop.default", True), ("istio-proxy", True), ("shop-gateway", False)],
)
def test_a_client_under_another_services_client_is_a_hop_when_its_name_is_a_sidecars(
    service: str, *, hops: bool
) -> None:
    rows: list[Row] = [
        (1, 1, 0, 3, 0, 9, "shop", "http", "", "ok"),
        (1, 2, 1, 3, 1, 8, service, "http", "", "ok"),
        (1, 3, 2, 2, 2, 7, "pay", "http", "", "ok"),
    ]
    joint_rows = joints(table(rows), [T0]).to_pylist()
    dropped = [row["span"][-1] for row in joint_rows if row["dropped"]]
    assert dropped == ([2] if hops else [])
    assert [row["told_service"] for row in joint_rows if row["told_service"]] == (
        [] if hops else [service]
    )
