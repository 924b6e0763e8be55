"""Of each reservoir the smallest hashes are drawn, once, whichever rows they stand in."""

import numpy as np
import pyarrow as pa
from hypothesis import given
from hypothesis import strategies as st

from monitor.edges.counting.exemplars import HOUR, RESERVOIR, Reservoir, draw
from monitor.edges.counting.rows import trace_rank

NAMES = ("environment", "caller", "callee", "operation", "caller_version", "callee_version")
TRACES = [bytes([number]) * 16 for number in range(12)]
RANKS = dict(
    zip(
        TRACES,
        trace_rank(np.frombuffer(b"".join(TRACES), np.uint64).reshape(-1, 2)).tolist(),
        strict=True,
    )
)
Row = tuple[int, str, str, list[bytes], list[bytes]]
some = st.lists(st.sampled_from(TRACES), max_size=3)
rows = st.tuples(
    st.sampled_from([0, 10, HOUR]), st.sampled_from("ab"), st.sampled_from("xy"), some, some
)


def edges(of: list[Row]) -> pa.Table:
    texts = {name: ["" for _ in of] for name in NAMES} | {
        "caller": [caller for _, caller, *_ in of],
        "operation": [operation for _, _, operation, *_ in of],
    }
    lists = pa.list_(pa.binary(16))
    return pa.table(
        {
            "window": pa.array([window for window, *_ in of], pa.uint32()),
            **{name: pa.array(texts[name]).dictionary_encode() for name in NAMES},
            "exemplars": pa.array([every for *_, every, _ in of], lists),
            "failed_exemplars": pa.array([bad for *_, bad in of], lists),
        }
    )


def key(window: int, caller: str, operation: str, word: str) -> Reservoir:
    return window // HOUR * HOUR, "", caller, "", operation, "", "", word


@given(st.lists(rows, min_size=1, max_size=8), st.sets(st.sampled_from(TRACES), max_size=4))
def test_a_reservoir_gets_the_smallest_hashes_that_it_does_not_hold(
    of: list[Row], kept: set[bytes]
) -> None:
    held = {key(0, "a", "x", "any"): [RANKS[trace] for trace in kept]}
    drawn = draw(edges(of), held)
    told: dict[Reservoir, set[int]] = {}
    for window, caller, operation, every, bad in of:
        for word, traces in (("any", every), ("bad", bad)):
            told.setdefault(key(window, caller, operation, word), set()).update(
                RANKS[trace] for trace in traces
            )
    for reservoir, ranks in told.items():
        mine = sorted(held.get(reservoir, ()))
        limit = mine[RESERVOIR - 1] if len(mine) >= RESERVOIR else None
        wanted = [
            rank
            for rank in sorted(ranks)[:RESERVOIR]
            if rank not in mine and (limit is None or rank < limit)
        ]
        assert [exemplar.rank for exemplar in drawn.pop(reservoir, [])] == wanted
    assert not drawn


def test_what_is_drawn_is_told_with_its_trace() -> None:
    (drawn,) = draw(edges([(10, "a", "x", [TRACES[3]], [])]), {}).values()
    assert [(exemplar.trace, exemplar.rank) for exemplar in drawn] == [
        (TRACES[3], RANKS[TRACES[3]])
    ]
