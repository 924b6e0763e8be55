"""Rows of texts are numbered by what they hold together, and histograms are read however they are
written.
"""

from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.errors import UsageError
from monitor.outside import told
from monitor.outside.files import edges_of
from monitor.outside.shapes import TO_SECONDS, shapes_of
from monitor.outside.told import Text, numbered
from tests.outside.rows import row


@pytest.mark.parametrize("most", [told.MOST_COMBINATIONS, 7])
def test_combinations_of_texts_are_numbered_in_the_order_of_their_codes(
    most: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(told, "MOST_COMBINATIONS", most)
    codes = np.random.default_rng(1).integers(0, [[5], [3], [4]], (3, 60))
    rows, places = numbered(*(Text(column, tuple("abcde")) for column in codes))
    combinations, expected = np.unique(codes, axis=1, return_inverse=True)
    assert np.array_equal(codes[:, rows], combinations)
    assert np.array_equal(places, np.ravel(expected))


def test_a_histogram_is_read_however_it_is_written(tmp_path: Path) -> None:
    forms = {
        "112:4 113:9": {112: 4, 113: 9},
        "  113:9\t112:4 ": {113: 9, 112: 4},
        "112:4 112:5": {112: 9},
        "0112:4 112:5 7:0": {112: 9},
        "-3:4": {-3: 4},
        "112:004": {112: 4},
    }
    rows = pa.Table.from_pylist([row(0, histogram=text) for text in [*forms, "112:4 x"]])
    pq.write_table(rows, tmp_path / "edges.parquet")
    read, _ = edges_of(tmp_path / "edges.parquet")
    counts = np.full(len(read), 9)
    shapes = shapes_of(read.take(slice(0, len(forms))), counts[:-1], "edges")
    assert shapes.histograms == [
        {bucket - TO_SECONDS: count for bucket, count in histogram.items()}
        for histogram in forms.values()
    ]
    with pytest.raises(UsageError, match="row 6"):
        shapes_of(read, counts, "edges")
