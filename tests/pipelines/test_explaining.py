"""A stored verdict is reached again from what was kept with it, bit for bit, whatever the stores
hold by then.
"""

from datetime import timedelta

import pytest
from sqlalchemy import Engine, func, select, update

from monitor.api.told import told_explanation
from monitor.cli.explain import lines_of
from monitor.control.documents import to_document
from monitor.control.tables import verdict_inputs, verdicts
from monitor.control.verdicts import list_verdicts
from monitor.joining.detecting import DetectionSettings, Detector, detect_once
from monitor.joining.explaining import explain
from monitor.joining.gate import GateRequest, evaluate_gate
from monitor.store import Store
from monitor.store.reader import Reader
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    edge,
    now_after,
    sighting,
    steady,
)
from tests.pipelines.test_detection import announce
from tests.pipelines.written import write_cells, write_sightings, write_violations

BROKEN = [
    Traffic(edge(), new=Behaviour(violated=0.3, latency=0.1)),
    Traffic(edge(operation="GET /orders")),
]


@pytest.fixture
def engine(sqlite_engine: Engine) -> Engine:
    return sqlite_engine


def lines(engine: Engine, verdict_id: str) -> list[str]:
    explanation = explain(engine, verdict_id)
    assert explanation is not None
    return list(lines_of(to_document(told_explanation(explanation))))


@pytest.mark.parametrize("by", ["detector", "gate"])
def test_a_verdict_is_reached_again_after_its_telemetry_is_gone(
    store: Store, engine: Engine, by: str
) -> None:
    write_cells(store, cells(BROKEN, 8, share=steady(0.4)))
    write_violations(store, START + timedelta(seconds=15), 30)
    write_sightings(
        store,
        [
            sighting(window, version, version, 20)
            for window in range(8)
            for version in ("1.9.0", "2.0.0")
        ],
    )
    announce(engine)
    if by == "detector":
        (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(8))
        verdict_id = judged.verdict.id
    else:
        verdict_id = evaluate_gate(
            Reader(store), engine, GateRequest("payment", "2.0.0"), now_after(8)
        ).verdict_id
    store.command("TRUNCATE TABLE edge_windows")
    explanation = explain(engine, verdict_id)
    assert explanation is not None
    assert (explanation.again, explanation.differs) == ("same", ())
    assert explanation.read is not None
    assert (explanation.read.edges, explanation.read.sightings) == (2, 16)
    assert explanation.read.settings["deadline"] is (by == "gate")
    told = "\n".join(lines(engine, verdict_id))
    assert "FAIL: payment 2.0.0 against 1.9.0 in production" in told
    assert "[worse_violations] web 1.0.0 → payment 2.0.0 POST /pay: contract violations" in told
    assert "bit for bit" in told
    assert "traces, new version: " in told
    assert "traces, old version: " in told
    assert "bound: up to " in told
    assert "new: p50, p90, p99 " in told


def test_a_step_in_time_is_reached_again_with_what_it_was_held_against(
    store: Store, engine: Engine
) -> None:
    at_once = [Traffic(edge(), 200, Behaviour(0.005), Behaviour(0.3))]
    beside = [Traffic(edge("web", "stock", "GET /stock"), 200, Behaviour(0.005), Behaviour(0.005))]
    write_cells(store, cells([*at_once, *beside], 18, share=steady(1.0), before=120))
    announce(engine, share=1.0)
    (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(18))
    assert any(finding.evidence.step for finding in judged.findings)
    explanation = explain(engine, judged.verdict.id)
    assert explanation is not None
    assert explanation.again == "same"
    assert explanation.read is not None
    assert explanation.read.neighbour_rows > 0


def test_what_this_program_judges_otherwise_is_said_field_by_field(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells(BROKEN, 8, share=steady(0.4)))
    announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(8))
    with engine.begin() as connection:
        document = {**to_document(judged.verdict), "outcome": "pass"}
        connection.execute(update(verdicts).values(document=document))
    explanation = explain(engine, judged.verdict.id)
    assert explanation is not None
    assert (explanation.again, explanation.differs) == ("differs", ("outcome",))
    assert "NOT the same" in lines(engine, judged.verdict.id)[1]


@pytest.mark.parametrize("packed", [b"of another version", None])
def test_inputs_that_are_gone_or_unreadable_are_told_and_the_verdict_is_shown(
    store: Store, engine: Engine, packed: bytes | None
) -> None:
    write_cells(store, cells(BROKEN, 8, share=steady(0.4)))
    announce(engine)
    (judged,) = detect_once(Reader(store), engine, store, DetectionSettings(), now_after(8))
    with engine.begin() as connection:
        if packed is None:
            connection.execute(verdict_inputs.delete())
        else:
            connection.execute(update(verdict_inputs).values(data=packed))
    explanation = explain(engine, judged.verdict.id)
    assert explanation is not None
    assert (explanation.again, explanation.read) == ("not kept", None)
    assert "not kept" in lines(engine, judged.verdict.id)[1]
    assert explain(engine, "unheard-of") is None


def test_of_verdicts_that_repeat_themselves_the_first_and_the_newest_can_be_reached_again(
    store: Store, engine: Engine
) -> None:
    write_cells(store, cells(BROKEN, 60, share=steady(0.4)))
    announce(engine)
    detector = Detector(
        Reader(store), engine, store, DetectionSettings(repeat=timedelta(seconds=30))
    )
    for step in range(5):
        detector._judged.clear()
        detector.step(now_after(60) + timedelta(seconds=40 * step))
    kept = list_verdicts(engine)
    assert len(kept) == 5
    again = [explanation.again for verdict in kept if (explanation := explain(engine, verdict.id))]
    assert again == ["same", "not kept", "not kept", "not kept", "same"]
    with engine.connect() as connection:
        assert (
            connection.execute(select(func.count()).select_from(verdict_inputs)).scalar_one() == 2
        )
