"""`seamwatch judge` on files of others: what is worse fails, what is assumed never passes, nothing
later than the decision is read.
"""

import json
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from monitor.cli import main
from monitor.detect.settings import JudgeSettings
from monitor.outside.files import deploys_of, edges_of
from monitor.outside.releases import Releases
from monitor.outside.told import apart
from monitor.outside.versions import versions_beside
from monitor.outside.watching import decide
from tests.outside.rows import AT, Row, beside, bucket, deploy, minutes, replaced, row, written

SLOW = {"histogram": f"{bucket(80)}:200"}
FAILING = {"errors": 60}
RATES = {
    "count": None,
    "errors": None,
    "success_rate": 0.995,
    "histogram": None,
    "p50_ms": 20.0,
    "p95_ms": 30.0,
}
QUANTILES = {"histogram": None, "p50_ms": 20.0, "p90_ms": 26.0, "p99_ms": 40.0}


def told(
    capsys: pytest.CaptureFixture[str], folder: Path, rows: list[Row], *deploys: Row
) -> list[dict[str, Any]]:
    edges, lines = written(folder, rows, deploys or [deploy()])
    with pytest.raises(SystemExit) as end:
        main(["judge", "--edges", str(edges), "--deploys", str(lines), "--format", "ndjson"])
    output = capsys.readouterr()
    assert end.value.code == 0, output.err
    return [json.loads(line) for line in output.out.splitlines()]


def refused(capsys: pytest.CaptureFixture[str], edges: Path, deploys: Path) -> str:
    with pytest.raises(SystemExit) as end:
        main(["judge", "--edges", str(edges), "--deploys", str(deploys)])
    assert end.value.code == 64
    return capsys.readouterr().err


@pytest.mark.parametrize("how", [beside, replaced])
@pytest.mark.parametrize(("harm", "signal"), [(FAILING, "errors"), (SLOW, "latency")])
def test_a_worse_version_fails_and_its_edge_and_deploy_are_named(
    how: Any, harm: Row, signal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (answer,) = told(capsys, tmp_path, minutes(how(harm)))
    assert (answer["deploy_id"], answer["verdict"], answer["suspects"][0]) == ("d1", "fail", "d1")
    assert answer["culprit_edges"] == [
        {"caller": "web", "callee": "pay", "operation": "POST /pay"}
    ]
    assert answer["reason"].startswith(f"{signal} on web → pay POST /pay")
    assert 0.5 < answer["confidence"] <= 1.0
    assert AT < datetime.fromisoformat(answer["decided_at"]) <= AT + timedelta(minutes=15)


@pytest.mark.parametrize(("client", "signal"), [(None, "errors"), (0, "provider_errors")])
def test_a_side_that_does_not_tell_how_calls_ended_takes_none_for_answered(
    client: int | None, signal: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    both = [
        {**entry, "side": side, "errors": client if side == "client" else entry["errors"]}
        for entry in minutes(replaced(FAILING))
        for side in ("client", "server")
    ]
    (answer,) = told(capsys, tmp_path, both)
    assert (answer["verdict"], answer["reason"].split()[0]) == ("fail", signal)


@pytest.mark.parametrize("how", [beside, replaced])
@pytest.mark.parametrize(
    "form", [{}, QUANTILES, RATES, {"histogram": None, "mean_ms": 21.0}, {"histogram": None}]
)
def test_an_equal_version_never_fails(
    how: Any, form: Row, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (answer,) = told(capsys, tmp_path, minutes(how({}, **form)))
    assert answer["verdict"] != "fail"


def test_an_equal_version_with_calls_enough_passes_once_seen_for_ten_minutes_and_says_when(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {"count": 20_000, "errors": 0, "histogram": f"{bucket(20)}:10000 {bucket(24)}:10000"}
    (answer,) = told(capsys, tmp_path, minutes(beside({}, **many)))
    assert answer["verdict"] == "pass"
    # the look a minute before came to the same
    assert datetime.fromisoformat(answer["decided_at"]) == AT + timedelta(minutes=10)


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"count": None, "errors": None, "success_rate": 1.0}, "assumed"),
        ({"errors": None}, "nothing tells how calls ended"),
        ({"histogram": None, "mean_ms": 20.0}, "one number a bin"),
        ({"histogram": None, "p50_ms": 20.0}, "one number a bin"),
        ({"histogram": None}, "nothing tells of latency"),
    ],
)
def test_what_is_assumed_is_said_and_never_passes(
    form: Row, words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    many = {"count": 20_000, "errors": 0, "histogram": f"{bucket(20)}:10000 {bucket(24)}:10000"}
    if "count" in form:
        many["histogram"] = None
        many["p50_ms"], many["p90_ms"] = 20.0, 26.0
    (answer,) = told(capsys, tmp_path, minutes(beside({}, **many | form)))
    assert (answer["verdict"], answer["decided_at"]) == ("inconclusive", None)
    assert words in answer["reason"]


@pytest.mark.parametrize(
    "harm",
    [
        pytest.param({**RATES, "success_rate": 0.7}, id="rates"),
        pytest.param({**RATES, "p50_ms": 90.0, "p95_ms": 140.0}, id="quantiles without counts"),
        pytest.param(
            {"count": 200, **QUANTILES, "p50_ms": 90.0, "p90_ms": 120.0, "p99_ms": 200.0},
            id="quantiles",
        ),
        pytest.param({"histogram": None, "mean_ms": 90.0}, id="means"),
    ],
)
def test_poor_forms_still_show_gross_harm(
    harm: Row, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    usual = RATES if harm.get("count", 1) is None else {}
    if "p90_ms" in harm:
        usual = QUANTILES
    elif "mean_ms" in harm:
        usual = {"histogram": None, "mean_ms": 20.0}
    (answer,) = told(capsys, tmp_path, minutes(replaced(harm, **usual)))
    assert answer["verdict"] == "fail"


def test_nothing_after_the_decision_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = minutes(beside(FAILING))
    (whole,) = told(capsys, tmp_path, rows)
    decided = datetime.fromisoformat(whole["decided_at"])
    early = [entry for entry in rows if entry["ts"] + timedelta(seconds=60) <= decided]
    other = [*early, *(entry | {"errors": 0, "version": "3.0"} for entry in rows[len(early) :])]
    for changed in (early, other):
        assert told(capsys, tmp_path, changed) == [whole]


def test_nothing_after_evaluate_until_is_read(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    late = lambda minute: beside(FAILING if minute >= 9 else {})(minute)  # noqa: E731
    (answer,) = told(
        capsys,
        tmp_path,
        minutes(late),
        deploy(evaluate_until=(AT + timedelta(minutes=9)).isoformat()),
    )
    assert answer["verdict"] != "fail"
    (answer,) = told(capsys, tmp_path, minutes(late))
    assert answer["verdict"] == "fail"


def test_nodes_without_callers_and_rows_without_versions_are_judged_by_time(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(minute: int) -> list[Row]:
        node = {"caller": "<any>", "version": None, "side": None, "operation": None}
        return [
            row(minute, **node, errors=60 if minute >= 0 else 0),
            row(minute, **node | {"callee": "stock"}),
        ]

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] == "fail"
    assert answer["culprit_edges"] == [{"caller": "<any>", "callee": "pay", "operation": ""}]
    assert "versions go by time" in answer["reason"]


def test_a_version_said_to_be_ready_later_is_not_silent_until_then(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(minute: int) -> list[Row]:
        old = [row(minute, instance=f"old-{place}") for place in range(2)]
        return (
            old
            if minute < 0
            else [
                *old,
                row(minute, version="2.0", instance="new-0", count=0, errors=0, histogram=None),
            ]
        )

    (silent,) = told(
        capsys,
        tmp_path,
        minutes(rows),
        deploy(canary_ready=(AT + timedelta(minutes=1)).isoformat()),
    )
    assert silent["verdict"] == "fail"
    assert silent["reason"].startswith("silence")
    (silent,) = told(capsys, tmp_path, minutes(rows), deploy(canary_ready=True))
    assert silent["verdict"] == "fail"
    for later in ((AT + timedelta(minutes=40)).isoformat(), False):
        (waiting,) = told(capsys, tmp_path, minutes(rows), deploy(canary_ready=later))
        assert waiting["verdict"] == "inconclusive"


def test_five_minute_bins_are_judged(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [
        entry | {"ts": AT + timedelta(minutes=5 * place), "step_s": 300}
        for place in range(-60, 12)
        for entry in replaced(FAILING)(place)
    ]
    (answer,) = told(
        capsys, tmp_path, rows, deploy(evaluate_until=(AT + timedelta(hours=1)).isoformat())
    )
    assert answer["verdict"] == "fail"
    assert datetime.fromisoformat(answer["decided_at"]) <= AT + timedelta(minutes=30)


@pytest.mark.parametrize("days", [1, 3, 40])
def test_a_case_without_a_past_is_held_against_its_history(
    days: int, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def rows(harm: Row) -> list[Row]:
        past = {"case": "past", "version": "0.9"}
        before = [
            entry | past | {"ts": entry["ts"] - timedelta(days=days)}
            for entry in minutes(replaced({}), 120, 0)
        ]
        return [*before, *minutes(replaced(harm), 2, 4)]

    told_of = deploy(history_case="past", evaluate_until=(AT + timedelta(minutes=4)).isoformat())
    assert told(capsys, tmp_path, rows(FAILING), told_of)[0]["verdict"] == "fail"
    assert told(capsys, tmp_path, rows({}), told_of)[0]["verdict"] == "inconclusive"
    assert (
        told(capsys, tmp_path, rows(FAILING), told_of | {"history_case": None})[0]["verdict"]
        == "inconclusive"
    )


def test_harm_that_only_the_callers_show_is_found_or_stands_against_a_pass(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The service answers as ever, and who calls it fails its own requests since."""
    many = {"count": 20_000, "errors": 0, "histogram": f"{bucket(20)}:10000 {bucket(24)}:10000"}

    def rows(minute: int) -> list[Row]:
        above = [
            row(
                minute,
                **{**many, "errors": 5_000 if minute >= 0 and name == "web" else 20},
                caller="gate",
                callee=name,
                version="7",
            )
            for name in ("web", "mail")
        ]
        other = row(minute, caller="mail", callee="stock", version="7", operation="GET /stock")
        return [*replaced({}, **many)(minute), *above, other]

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] == "fail"
    assert {"caller": "gate", "callee": "web", "operation": "POST /pay"} in answer["culprit_edges"]


def test_both_sides_words_on_the_same_calls_are_one_edge(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The caller's rows bear the caller's version; a delay of the network shows in them alone."""

    def rows(minute: int) -> list[Row]:
        slow = SLOW if minute >= 0 else {}
        mine = row(minute, version="2.0" if minute >= 0 else "1.0")
        return [
            mine,
            row(minute, side="client", version="9.9", **slow),
            row(minute, callee="stock", version="7"),
        ]

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] == "fail"
    assert answer["reason"].startswith("latency on web → pay")


@pytest.mark.parametrize(
    "missing",
    ["case", "step_s", "environment", "caller", "operation", "side", "version", "instance"],
)
def test_any_column_may_be_missing_or_null(
    missing: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rows = minutes(replaced(FAILING))
    for changed in (
        [entry | {missing: None} for entry in rows],
        [{k: v for k, v in entry.items() if k != missing} for entry in rows],
    ):
        (answer,) = told(
            capsys, tmp_path, changed, deploy(**{"case": None} if missing == "case" else {})
        )
        assert answer["verdict"] == "fail"


def test_times_may_be_texts_or_numbers(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = minutes(replaced(FAILING))
    (usual,) = told(capsys, tmp_path, rows)
    for how in (
        datetime.isoformat,
        datetime.timestamp,
        lambda ts: int(ts.timestamp() * 1000),
        lambda ts: int(ts.timestamp() * 1e9),
    ):
        (answer,) = told(
            capsys,
            tmp_path,
            [entry | {"ts": how(entry["ts"])} for entry in rows],
            deploy(at=AT.timestamp()),
        )
        assert answer == usual


def test_a_deploy_without_rows_gets_its_line(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    answers = told(
        capsys, tmp_path, minutes(beside({})), deploy(deploy_id="other", case="nowhere"), deploy()
    )
    assert [answer["deploy_id"] for answer in answers] == ["other", "d1"]
    assert answers[0]["verdict"] == "inconclusive"
    assert list(answers[0]) == [
        "deploy_id",
        "verdict",
        "confidence",
        "suspects",
        "culprit_edges",
        "decided_at",
        "reason",
    ]


def test_rows_that_belong_nowhere_are_set_aside_and_counted(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edges, deploys = written(
        tmp_path, [*minutes(beside({})), row(0, callee=None), row(0, ts=None)], [deploy()]
    )
    with pytest.raises(SystemExit):
        main(["judge", "--edges", str(edges), "--deploys", str(deploys)])
    assert "2 rows without ts or callee are set aside" in re.sub(
        r"\s+", " ", capsys.readouterr().err
    )


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"count": -1, "errors": 0}, ("row 1", "count", "0 or more")),
        ({"errors": 900}, ("row 1", "errors", "0 to count")),
        ({"success_rate": 99.5}, ("row 1", "success_rate", "0 to 1")),
        ({"histogram": "12-4"}, ("row 1", "histogram", "bin:count")),
        ({"side": "sideways"}, ("row 1", "side", "client, server")),
        ({"p50_ms": -4.0}, ("row 1", "p50_ms", "milliseconds")),
        ({"step_s": 0}, ("row 1", "step_s", "seconds")),
    ],
)
def test_a_value_that_cannot_be_names_file_row_and_column(
    change: Row, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edges, deploys = written(
        tmp_path, [row(-2), row(-1, **change), row(0), row(1), row(2)], [deploy()]
    )
    refusal = refused(capsys, edges, deploys)
    assert all(word in refusal for word in (str(edges), *words))


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("{", ("line 1", "no JSON")),
        ("[1]", ("line 1", "one object a line")),
        ('{"service": "pay", "at": 0}', ("line 1", "deploy_id is missing")),
        ('{"deploy_id": "a", "service": "pay", "at": "noon"}', ("line 1", "at is 'noon'")),
        (
            '{"deploy_id": "a", "service": "pay", "at": 9, "evaluate_until": 9}',
            ("line 1", "evaluate_until is not after at"),
        ),
        (
            '{"deploy_id": "a", "service": "pay", "at": 9}\n{"deploy_id": "a", "service": "pay", "at": 9}',
            ("line 2", "earlier line"),
        ),
        ('{"deploy_id": "a", "service": {}, "at": 9}', ("line 1", "service is {}")),
        (
            '{"deploy_id": "a", "service": "pay", "at": 9, "kind": "party"}',
            ("line 1", "kind 'party'"),
        ),
    ],
)
def test_a_line_that_is_no_deploy_is_named(
    line: str, words: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    edges, deploys = written(tmp_path, [row(0)], [])
    deploys.write_text(line)
    refusal = refused(capsys, edges, deploys)
    assert all(word in refusal for word in (str(deploys), *words))


def test_a_file_that_is_none_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    edges, deploys = written(tmp_path, [row(0)], [deploy()])
    assert "no such file" in refused(capsys, tmp_path / "none.parquet", deploys)
    assert "cannot be read as Parquet" in refused(capsys, deploys, deploys)
    assert "cannot be read" in refused(capsys, edges, tmp_path / "none.jsonl")
    pq.write_table(pa.table({"ts": [1.0]}), edges)
    assert "column callee is missing" in refused(capsys, edges, deploys)
    pq.write_table(pa.table({"ts": [1.0], "callee": ["pay"], "count": ["many"]}), edges)
    assert "column count is string; write numbers" in refused(capsys, edges, deploys)


def pods(new: Sequence[Row], **old: object) -> list[Row]:
    """Two pods of the old version, and since the deploy one of the new version with each of these
    changes.
    """

    def rows(minute: int) -> list[Row]:
        before = [row(minute, instance=f"old-{place}", **old) for place in range(2)]
        after = [
            row(minute, version="2.0", instance=f"new-{place}", **changes)
            for place, changes in enumerate(new)
        ]
        return before if minute < 0 else [*before, *after]

    return minutes(rows)


@pytest.mark.parametrize("harm", [FAILING, SLOW])
@pytest.mark.parametrize("is_both", [False, True])
def test_one_ill_pod_of_two_is_no_ill_release_but_two_are(
    harm: Row, is_both: bool, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (answer,) = told(capsys, tmp_path, pods([harm, harm if is_both else {}]))
    assert answer["verdict"] == ("fail" if is_both else "inconclusive")
    assert ("instance new-0 alone" in answer["reason"]) != is_both


def test_a_pod_that_is_as_slow_as_one_of_the_old_ones_is_no_slow_release(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    slow = {"histogram": f"{bucket(50)}:200"}

    def rows(minute: int) -> list[Row]:
        old = [
            row(minute, instance="old-0"),
            row(minute, instance="old-1", **slow),
            row(minute, instance="old-2"),
        ]
        return old if minute < 0 else [*old, row(minute, version="2.0", instance="new-0", **slow)]

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] != "fail"


@pytest.mark.parametrize(
    ("slower", "stays", "verdict"), [(True, False, "fail"), (False, True, "inconclusive")]
)
def test_answers_of_which_nobody_tells_the_version_are_judged_once_one_is_alone_and_never_pass_before(
    *, slower: bool, stays: bool, verdict: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Only the calls that the service makes tell its version; both are live for three minutes, or
    to the end.
    """

    def rows(minute: int) -> list[Row]:
        late = minute >= 0 and slower
        answers = row(
            minute,
            version=None,
            **({"histogram": f"{bucket(120)}:100 {bucket(144)}:100"} if late else {}),
        )
        old, new = minute < 3 or stays, minute >= 0
        return [answers] + [
            row(minute, caller="pay", callee="bank", side="client", version=version)
            for version, live in (("1.0", old), ("2.0", new))
            if live
        ]

    (answer,) = told(capsys, tmp_path, minutes(rows))
    assert answer["verdict"] == verdict, answer["reason"]


@pytest.mark.parametrize("part", [0.3, 1.0])
def test_calls_no_longer_made_are_missed_beside_another_release_too(
    part: float, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Rows tell the version of who answers, never of who calls; the bank, which pay calls, was
    released as well.
    """

    def rows(minute: int) -> list[Row]:
        calls = 200 if minute < 0 else round(200 * part)
        mine, theirs = ("1.0", "5.0") if minute < 0 else ("2.0", "6.0")
        bank = {"caller": "pay", "callee": "bank", "operation": "POST /charge", "errors": 0}
        return [
            row(minute, version=mine, errors=0, count=400, histogram=f"{bucket(20)}:400"),
            row(minute, **bank, version=theirs, count=calls, histogram=f"{bucket(5)}:{calls}"),
        ]

    other = deploy(deploy_id="d2", service="bank", version_from="5.0", version_to="6.0")
    edges, lines = written(tmp_path, minutes(rows), [deploy(), other])
    cases, deploys = apart(edges_of(edges)[0]), deploys_of(lines)
    mine = next(told for told in deploys if told.deploy_id == "d1")
    names, codes = versions_beside(cases.rows, Releases(deploys), mine)
    versions = {names[code] for code in codes.tolist()}
    assert (names[0], versions) == ("", {"", "5.0", "6.0"})
    decision = decide(cases, mine, deploys, JudgeSettings(), "edges")
    assert (decision.weaker_at is None) == (part < 1.0)
