"""What the store was given lately, as closing would read it."""

from collections.abc import Sequence

import numpy as np
import pyarrow as pa

from monitor.edges.closing import Batch
from monitor.edges.counting.calls import Scene
from monitor.edges.counting.frame import Column, Keys, Mask, raw_numbers
from monitor.edges.counting.joins import members
from monitor.edges.counting.messages import queued
from monitor.model.spans import KIND_CONSUMER
from monitor.store.message_log import MessageLog, numbers_of
from monitor.store.recent import Recent


def at_hand(recent: Recent, batch: Batch, *, few: bool) -> list[pa.Table] | None:
    """Rows as statement `at_hand` gives them; None where only the store knows them all, or there
    are none. `few`: of the windows around only what shares a trace with those due, and a little
    more. A window of which the store was told more than is at hand was written by somebody else.
    """
    if any(recent.arrived(state.window) < state.rows for state in batch.states):
        return None
    due = set(batch.due)
    pieces = recent.rows("halves", batch.due)
    around = recent.rows("halves", [window for window in batch.around if window not in due])
    if not pieces or around is None:
        return None
    if few and around:
        around = _sharing(around, np.concatenate([_told(piece) for piece in pieces]))
    return [_all_mine(piece) for piece in (*pieces, *around)]


def inner_ids(recent: Recent, near: Sequence[int]) -> tuple[dict[str, Column], bool] | None:
    """Internal spans of some windows by number, and under which span each stands; whether one
    tells what GraphQL was asked for. None where only the store knows them all.
    """
    pieces = recent.rows("inner_spans", near)
    if pieces is None:
        return None
    none = np.zeros(0, np.uint64)
    columns = {
        name: np.concatenate([none, *(_numbers(piece, name)[:, 0] for piece in pieces)])
        for name in ("span", "parent")
    }
    return columns, any(tells_any(piece.column("operation")) for piece in pieces)


def message_ends(log: MessageLog, scene: Scene) -> tuple[list[pa.Table], list[str]] | None:
    """Messaging spans at hand of the traces and messages that the windows due tell of; and the
    traces, in hex, of which the store may hold more. None where only the store knows them.
    """
    mine = np.flatnonzero(queued(scene))
    halves = scene.halves
    traces = np.concatenate([halves[name][mine] for name in ("trace", "own_trace")])
    pieces_of = log.about(traces)
    if pieces_of is None:
        return None
    pieces, unsure = pieces_of
    wanted, tables = numbers_of(traces), []
    hits = members(
        np.concatenate([np.zeros(0, np.uint64), *(numbers for _, numbers in pieces)]), wanted
    )
    begin = 0
    for rows, numbers in pieces:
        of_piece = np.flatnonzero(hits[begin : begin + len(numbers)])
        begin += len(numbers)
        if len(of_piece):
            tables.append(rows.take(pa.array(of_piece)))
    return tables, sorted({trace.tobytes().hex() for trace in unsure})


def tells_any(column: pa.ChunkedArray) -> bool:
    """Whether a column of texts may hold any, by its words alone."""
    return any(any(chunk.dictionary.to_pylist()) for chunk in column.chunks)


def _all_mine(piece: pa.Table) -> pa.Table:
    ones = pa.array(np.ones(piece.num_rows, np.uint8))
    return piece.append_column("mine", ones).append_column("own_mine", ones)


def _told(piece: pa.Table) -> Keys:
    """The traces that these rows tell of."""
    if not _consumers(piece).any():
        return _traces(piece, "trace")
    return np.concatenate([_traces(piece, "trace"), _traces(piece, "own_trace")])


def _sharing(pieces: Sequence[pa.Table], shared: Keys) -> list[pa.Table]:
    """Of these rows those of one of these traces, or of a message of one."""
    wanted = members(np.concatenate([_traces(piece, "trace") for piece in pieces]), shared)
    consumers = np.concatenate([_consumers(piece) for piece in pieces])
    if consumers.any():
        own = np.concatenate([_traces(piece, "own_trace") for piece in pieces])
        wanted |= consumers & members(own, shared)
    kept, begin = [], 0
    for piece in pieces:
        rows = np.flatnonzero(wanted[begin : begin + piece.num_rows])
        begin += piece.num_rows
        if len(rows):
            kept.append(piece.take(pa.array(rows)))
    return kept


def _consumers(piece: pa.Table) -> Mask:
    consumers: Mask = piece.column("kind").to_numpy() == KIND_CONSUMER
    return consumers


def _traces(piece: pa.Table, name: str) -> Keys:
    """One number for each trace: two traces seldom have the same."""
    numbers = _numbers(piece, name)
    return np.bitwise_xor(numbers[:, 0], numbers[:, 1])


def _numbers(piece: pa.Table, name: str) -> Column:
    """Fixed bytes as so many numbers a row."""
    width = piece.schema.field(name).type.byte_width // 8
    parts = [raw_numbers(chunk, width).reshape(-1, width) for chunk in piece.column(name).chunks]
    return np.concatenate([np.zeros((0, width), np.uint64), *parts])
