"""What a run of windows holds is read once from the store, and counted here: a few short
statements, however much there is.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from typing import Any

import numpy as np
import pyarrow as pa

from monitor.edges.closing import Batch
from monitor.edges.counting.calls import (
    Scene,
    Services,
    called_addresses,
    callers_under_way,
    paired,
    sync_calls,
    with_joints,
)
from monitor.edges.counting.exemplars import Reservoir, draw, evidence_rows
from monitor.edges.counting.frame import Column, Frame, Mask, Words, frame_of, keys_of
from monitor.edges.counting.joins import distinct, members
from monitor.edges.counting.kinship import families, joints_of
from monitor.edges.counting.logs import (
    Checks,
    checked_calls,
    checks_of,
    log_calls,
    spans_under_way,
)
from monitor.edges.counting.messages import Ends, ends_of, message_calls, queued, sent_checks
from monitor.edges.counting.once import counted_once
from monitor.edges.counting.rows import edge_rows
from monitor.edges.counting.seen import Reached, logged_sightings, reached_addresses, sighting_rows
from monitor.joining.lately import at_hand, inner_ids, message_ends, tells_any
from monitor.model.edges import WINDOW_SECONDS
from monitor.store import Store

HOUR = 3600
FEW_WINDOWS = 4
"""Up to so many windows at a time their neighbours are read by trace: beyond, most of these are
among them.
"""
FEW_ROWS = 1000
"""Whether rows are of a trace is not looked at where there are so few."""
FEW_TRACES = 1000
LEARNED_AGAIN_AFTER = 6 * HOUR
"""An address is written again after so long, so that it is not forgotten while it is in use."""
MOST_KEPT = 200_000

Range = tuple[str, str]
LAST_TRACE = (1 << 128) - 1


@dataclass(frozen=True, slots=True, eq=False)
class Hand:
    """All that the store holds of some windows, one part of it: halves with their joints, and the
    exchanges of API logs. `inner` are the internal spans of traces in which one tells what GraphQL
    was asked for.
    """

    scene: Scene
    joints: pa.Table | None
    joint_frame: Frame | None
    exchanges: Frame | None
    ends: Ends | None
    holds: frozenset[str]
    inner: Frame | None = None


class Counter:
    """Reads windows and counts them. Remembers which addresses it has told of and which calls are
    kept as evidence.
    """

    def __init__(self, store: Store) -> None:
        self._store = store
        self._learned: dict[Reached, int] = {}
        self._reservoirs: dict[int, dict[Reservoir, list[int]]] = {}

    def contents(self, batch: Batch) -> frozenset[str]:
        """What there is beside halves: "exchanges", "violations", "long" spans; perhaps "inner"
        ones.
        """
        inner = frozenset() if self._store.holds_nothing("inner_spans") else frozenset({"inner"})
        if all(
            self._store.holds_nothing(table) for table in ("exchanges", "violations", "long_spans")
        ):
            return inner
        (counts,) = self._store.ask("run_contents", {"due": batch.due, "near": batch.near})
        return inner | {word for word, count in counts.items() if count}

    def ranges(self, batch: Batch) -> list[Range]:
        """Traces from and to (hex), a range for each part: about as many rows in each, whatever
        traces are called. Together they hold all traces.
        """
        if batch.parts == 1:
            return ranges_of([], 1)
        rows = self._store.ask_columns("trace_sample", {"due": batch.due})
        return ranges_of([int(text, 16) for text in rows["trace"].to_pylist()], batch.parts)

    def hand(self, batch: Batch, part: Range, holds: frozenset[str]) -> Hand:
        """Read one part of these windows."""
        words = Words()
        low, high = part
        where = {**_where(batch), "low": low, "high": high}
        given = holds & {"exchanges"}
        if batch.parts > 1:
            given |= {"parts"}
        if len(batch.due) <= FEW_WINDOWS and batch.rows > FEW_ROWS:
            given |= {"few"}
        tables = self._near_halves(batch, where, given)
        count = sum(table.num_rows for table in tables)
        long = (
            self._store.ask_columns("long_ones", {"due": batch.due}) if "long" in holds else None
        )
        since, until = _reach(long)
        if until:
            tables.append(
                self._store.ask_columns(
                    "far_halves",
                    {**where, "since": since, "until": until},
                    given=given & {"parts"},
                )
            )
        halves = frame_of(tables, words)
        far = np.arange(halves.count) >= count
        near = np.isin(halves["window"], batch.near)
        halves.add("due", np.isin(halves["window"], batch.due))
        scene = Scene(
            halves, words, batch.due, counted_once(halves) | far, near & ~far, halves["mine"] == 1
        )
        exchanges = None
        if "exchanges" in holds:
            exchanges = frame_of([self._store.ask_columns("exchanges_at_hand", where)], words)
        joints, asks = self._joints(scene, far, long, where, holds)
        with_joints(halves, joints, words)
        frame = frame_of([joints], words) if joints is not None and joints.num_rows else None
        ends = None
        if queued(scene).any():
            holds |= {"messages"}
            ends = ends_of(frame_of(self._message_ends(batch, where, scene), words))
        inner = None
        if asks:
            holds |= {"asked"}
            reach = {"near": batch.near, "since": since or 1, "until": until}
            inner = frame_of([self._store.ask_columns("inner_asked", reach)], words)
        return Hand(scene, joints, frame, exchanges, ends, holds, inner)

    def count(
        self, hand: Hand, generation: int, now: int, young: AbstractSet[int] = frozenset()
    ) -> tuple[pa.Table, set[int]]:
        """Rows of `edge_windows` of the calls that wait for an answer, and of those that only logs
        show; and the windows, of the `young` ones, in which servers and logs wait for spans that
        are under way, and are not counted yet. Learns addresses first, at `now` by the store's
        clock (s since the epoch).
        """
        scene, words = hand.scene, hand.scene.words
        self._learn(reached_addresses(scene), now)
        pairs, waiting = paired(scene, hand.inner), set[int]()
        if young and (alone := callers_under_way(scene, pairs, young)).any():
            waiting |= _distinct(scene.halves.at("window", pairs.s[alone]))
            pairs = pairs.only(~alone)
        calls = sync_calls(scene, pairs, self._services(called_addresses(scene, pairs)))
        counted, checks = [calls], None
        if hand.exchanges is not None and hand.exchanges.count:
            exchanges = hand.exchanges
            checks = checks_of(exchanges, hand.joint_frame, words)
            waits = spans_under_way(scene, exchanges, young) if young else None
            if waits is not None:
                waiting |= _distinct(exchanges["window"][waits])
            counted = [checked_calls(calls, checks, words), log_calls(scene, exchanges, waits)]
        if hand.ends is not None:
            counted += message_calls(
                scene, hand.ends, hand.joint_frame, checks, self._sent_checks(scene, hand.ends)
            )
        return edge_rows(counted, words, generation), waiting

    def sightings(self, hand: Hand, edges: pa.Table, generation: int) -> Iterator[pa.Table]:
        """Rows of `sightings`: what halves show, and what only API logs do (in `edges`)."""
        yield sighting_rows(hand.scene, generation)
        if hand.exchanges is not None:
            yield logged_sightings(edges, generation)

    def keep_evidence(self, hand: Hand, edges: pa.Table) -> None:
        """Keep exemplars of these edges. Running it again adds nothing."""
        if not edges.num_rows:
            return
        hours = sorted(
            {int(window) // HOUR * HOUR for window in edges.column("window").unique().to_pylist()}
        )
        self._know(hours)
        held = {key: ranks for hour in hours for key, ranks in self._reservoirs[hour].items()}
        chosen = draw(edges, held)
        self._store.insert("evidence", evidence_rows(hand.scene, chosen))
        for key, drawn in chosen.items():
            ranks = self._reservoirs[key[0]].setdefault(key, [])
            ranks.extend(exemplar.rank for exemplar in drawn)

    def forget(self) -> None:
        """What is remembered may be older than what the store holds."""
        self._reservoirs.clear()
        self._learned.clear()

    def _near_halves(
        self, batch: Batch, where: Mapping[str, Any], given: frozenset[str]
    ) -> list[pa.Table]:
        """All that closing reads of halves, but for those far away."""
        if self._store.recent is not None and batch.parts == 1:
            few = "few" in given and "exchanges" not in given
            lately = at_hand(self._store.recent, batch, few=few)
            if lately is not None:
                return lately
        name = "part_at_hand" if batch.parts > 1 else "at_hand"
        return [self._store.ask_columns(name, where, given=given)]

    def _message_ends(
        self, batch: Batch, where: Mapping[str, Any], scene: Scene
    ) -> list[pa.Table]:
        """All messaging spans of the traces and messages that this part of the windows due tells
        of.
        """
        log = self._store.message_log
        kept = message_ends(log, scene) if log is not None and batch.parts == 1 else None
        if kept is not None:
            tables, unsure = kept
            if unsure and len(unsure) <= FEW_TRACES:
                few = self._store.ask_columns(
                    "message_ends_at_hand", {"traces": unsure}, given={"few"}
                )
                return [few, *tables]  # copies of what is at hand do no harm
            if tables and not unsure:
                return tables
        given = frozenset({"parts"}) if batch.parts > 1 else frozenset()
        return [self._store.ask_columns("message_ends_at_hand", where, given=given)]

    def _joints(
        self,
        scene: Scene,
        far: Mask,
        long: pa.Table | None,
        where: Mapping[str, Any],
        holds: frozenset[str],
    ) -> tuple[pa.Table | None, bool]:
        """Joints, and whether an internal span tells what GraphQL was asked for."""
        halves, words, near = scene.halves, scene.words, where["near"]
        ids = np.zeros(0, np.uint64)
        inner, asks = {"span": ids, "parent": ids}, False
        if "inner" in holds:
            recent = self._store.recent
            kept = None if recent is None else inner_ids(recent, near)
            if kept is None:
                told = self._store.ask_columns("inner_ids", {"near": near})
                columns = {name: np.asarray(told.column(name).to_numpy()) for name in inner}
                kept = columns, tells_any(told.column("operation"))
            inner, asks = kept
        traces = families(halves, scene.near, inner["span"], inner["parent"], words)
        since, until = _reach(long)
        within = scene.near | far
        if long is not None and long.num_rows:
            traces = distinct(np.concatenate([traces, keys_of(frame_of([long], words)["trace"])]))
            within |= (halves["window"] >= since) & (halves["window"] <= until)
        if not len(traces):
            return None, asks
        family = (
            scene.once
            & within
            & (halves["primary"] == 1)
            & members(halves.keys("own_trace"), traces)
        )
        found = (
            self._inner_kin(halves, family, since, until, near, words)
            if len(inner["span"]) or until
            else None
        )
        asks = asks or (found is not None and bool(found["operation"].any()))
        joints = joints_of(halves, family, found, words, near)
        return joints if joints.num_rows else None, asks

    def _inner_kin(
        self,
        halves: Frame,
        family: Mask,
        since: int,
        until: int,
        near: Sequence[int],
        words: Words,
    ) -> Frame:
        named = np.unique(halves["own_trace"][family], axis=0)
        where: dict[str, Any] = {"near": near, "since": since or 1, "until": until}
        if len(named) > FEW_TRACES:
            frame = frame_of([self._store.ask_columns("inner_kin", where)], words)
        else:
            where["traces"] = [trace.tobytes().hex() for trace in named]
            frame = frame_of([self._store.ask_columns("inner_kin", where, given={"few"})], words)
        rows = np.flatnonzero(members(keys_of(frame["trace"]), keys_of(named)))
        kept = Frame({}, len(rows))
        for name in frame.columns:
            kept.add(name, frame[name][rows])
        return kept

    def _sent_checks(self, scene: Scene, ends: Ends) -> Checks | None:
        """What was checked of the messages that the windows due took."""
        sent = distinct(ends.rows["window"][ends.rows["side"] == 1].astype(np.int64))
        if not len(sent) or self._store.holds_nothing("exchanges"):
            return None
        near = sorted(
            {
                window + step
                for window in sent.tolist()
                for step in (-WINDOW_SECONDS, 0, WINDOW_SECONDS)
            }
        )
        told = self._store.ask_columns("sent_checks", {"windows": near})
        return sent_checks(frame_of([told], scene.words), scene.words) if told.num_rows else None

    def _learn(self, reached: set[Reached], now: int) -> None:
        """Write which addresses are whose, those that were not written lately."""
        new = sorted(
            entry for entry in reached if now - self._learned.get(entry, 0) > LEARNED_AGAIN_AFTER
        )
        if not new:
            return
        environment, address, namespace, service = zip(*new, strict=True)
        self._store.insert(
            "addresses",
            pa.table(
                {
                    "environment": pa.array(environment, pa.string()),
                    "address": pa.array(address, pa.string()),
                    "namespace": pa.array(namespace, pa.string()),
                    "service": pa.array(service, pa.string()),
                    "version_hint": pa.array([""] * len(new), pa.string()),
                    "seen": pa.array([now] * len(new), pa.uint32()),
                }
            ),
        )
        if len(self._learned) > MOST_KEPT:
            self._learned.clear()
        self._learned |= dict.fromkeys(new, now)

    def _services(self, called: set[tuple[str, str]]) -> Services:
        """Of addresses that belong to exactly one service of their environment, whose they are."""
        owners: dict[tuple[str, str], set[tuple[str, str]]] = {}
        addresses = sorted({address for _, address in called})
        for at in range(0, len(addresses), FEW_TRACES):
            for row in self._store.ask(
                "services_at", {"addresses": addresses[at : at + FEW_TRACES]}
            ):
                key = (row["environment"], row["address"])
                owners.setdefault(key, set()).add((row["namespace"], row["service"]))
        return {
            key: next(iter(services)) for key, services in owners.items() if len(services) == 1
        }

    def _know(self, hours: Iterable[int]) -> None:
        """Remember what is kept as evidence of these hours."""
        if sum(map(len, self._reservoirs.values())) > MOST_KEPT:
            self._reservoirs.clear()
        new = [hour for hour in hours if hour not in self._reservoirs]
        if not new:
            return
        for hour in new:
            self._reservoirs[hour] = {}
        for row in self._store.ask("full_reservoirs", {"hours": new}):
            *key, ranks = row.values()
            self._reservoirs[row["hour"]][tuple(key)] = list(ranks)


def ranges_of(traces: Sequence[int], count: int) -> list[Range]:
    """So many ranges of traces (as hex) that hold about as many of these each; some are empty,
    beginning after their end, where few traces have most of the rows.
    """
    ordered = sorted(traces) or [0]
    cuts = [max(1, ordered[at * len(ordered) // count]) for at in range(1, count)]
    return [
        (f"{low:032x}", f"{high:032x}")
        for low, high in zip([0, *cuts], [*(cut - 1 for cut in cuts), LAST_TRACE], strict=True)
    ]


def _distinct(windows: Column) -> set[int]:
    return set(np.unique(windows).tolist())


def _where(batch: Batch) -> dict[str, list[int]]:
    return {"due": batch.due, "near": batch.near, "around": batch.around}


def _reach(long: pa.Table | None) -> tuple[int, int]:
    """From which window to which something may belong to these long spans; zeros without any."""
    if long is None or not long.num_rows:
        return 0, 0
    began, window = (np.asarray(long.column(name).to_numpy()) for name in ("began", "window"))
    return int(began.min()) - WINDOW_SECONDS, int(window.max()) + WINDOW_SECONDS
