"""What an earlier version stored, its reasons sentences and its evidence loose texts, still shows.

`past_documents.json` was written by that version: verdicts and findings of five made-up deploys.
"""

import json
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Engine, insert

from monitor.api.told import told_finding, told_verdict
from monitor.control import findings, verdicts
from monitor.control.past import finding_of, verdict_of
from monitor.control.tables import findings as finding_rows
from monitor.control.tables import verdicts as verdict_rows
from monitor.detect.judging.gone import ended
from monitor.model.judging import Quantiles
from monitor.model.reasons import reason
from monitor.wording.findings import facts, summary
from monitor.wording.reasons import sentence
from tests.fixtures.told import sentences

STORED: dict[str, Any] = json.loads((Path(__file__).parent / "past_documents.json").read_text())
NAMES = sorted(STORED)


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_verdict_says_what_it_said(name: str) -> None:
    document = STORED[name]["verdict"]
    verdict = verdict_of(document)
    assert sentences(verdict.reasons) == tuple(document["reasons"])
    assert sentences(verdict.settles) == tuple(document["settles"])
    assert [sentences(edge.reasons) for edge in verdict.edges] == [
        tuple(edge["reasons"]) for edge in document["edges"]
    ]
    assert {why.code for why in verdict.reasons} == {"told"}
    assert verdict.outcome == document["outcome"]
    for edge, stored in zip(verdict.edges, document["edges"], strict=True):
        assert set(edge.evidence) == set(stored["evidence"])
        for kind, evidence in edge.evidence.items():
            assert (
                evidence.latency.side if evidence.latency else evidence.rate and evidence.rate.kind
            ) == kind


@pytest.mark.parametrize("name", NAMES)
def test_a_stored_finding_says_what_it_said(name: str) -> None:
    for document in STORED[name]["findings"]:
        finding = finding_of(document)
        assert summary(finding) == document["summary"]
        assert [sentences(suspect.reasons) for suspect in finding.suspects] == [
            tuple(suspect["reasons"]) for suspect in document["suspects"]
        ]
        assert facts(finding.evidence)


def test_loose_texts_become_typed_evidence() -> None:
    (slow,) = STORED["slow"]["findings"][:1]
    told = finding_of(slow).evidence.latency
    assert told is not None
    assert (told.side, told.old) == ("client", Quantiles(0.01981, 0.02926, 0.04123))
    broken = finding_of(STORED["violations"]["findings"][0]).evidence.rate
    assert broken is not None
    assert (broken.kind, broken.clause_new, broken.clause_old) == ("violated", 300, 0)
    step = finding_of(STORED["step"]["findings"][0])
    assert step.explained is not None
    assert (
        sentence(step.explained)
        == "bank 5.0.0, which it calls, was released at about the same time"
    )
    assert step.evidence.step is not None
    assert (
        step.evidence.step.beaten,
        step.evidence.step.placebos,
        step.evidence.step.seasonal,
    ) == (24, 24, False)
    silent = finding_of(STORED["silent"]["findings"][0]).evidence.silence
    assert silent is not None
    assert silent.instances == 1


def test_stores_of_before_are_read_and_written_on(control_engine: Engine) -> None:
    for stored in STORED.values():
        verdict, documents = stored["verdict"], stored["findings"]
        row = {
            name: verdict[name]
            for name in ("id", "deploy_id", "environment", "service", "version", "outcome")
        }
        judged = verdict_of(verdict).judged_at
        with control_engine.begin() as connection:
            connection.execute(insert(verdict_rows).values(**row, judged=judged, document=verdict))
            for document in documents:
                values = {name: document[name] for name in ("id", "deploy_id", "state")}
                connection.execute(
                    insert(finding_rows).values(
                        **values,
                        fingerprint=finding_of(document).fingerprint,
                        environment="production",
                        first_seen=judged,
                        last_seen=judged,
                        updated=judged,
                        document=document,
                    )
                )
    assert len(verdicts.list_verdicts(control_engine)) == len(STORED)
    for verdict in verdicts.list_verdicts(control_engine):
        assert all(why.text for why in told_verdict(verdict).reasons)
    kept = findings.list_findings(control_engine)
    assert kept
    over = [ended(finding, reason("no_longer_found")) for finding in kept]
    findings.save_findings(control_engine, over, kept[0].last_seen)
    for finding in findings.list_findings(control_engine):
        assert (finding.state, finding.ended) == ("resolved", reason("no_longer_found"))
        assert told_finding(finding).summary == next(
            told_finding(old).summary for old in kept if old.id == finding.id
        )
