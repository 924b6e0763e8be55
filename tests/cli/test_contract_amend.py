"""A proposed revision is judged by what was live: who would be refused, what they receive and would
lose, and silence is never a pass.
"""

import json
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

import pytest

from monitor.cli.contract_amend import Proposed, approved, judged
from monitor.cli.contract_reports import DiffFormat
from tests.api.test_publishing import GOOD, publish, recorded
from tests.contracts.promises import PAYMENTS
from tests.fixtures.api import LOCAL_TOKEN, Asked


class There:
    """The API as the command asks it."""

    def __init__(self, api: Asked) -> None:
        self._api = api

    def post(self, path: str, body: Any) -> Any:
        answer = self._api.post(path, body, LOCAL_TOKEN)
        assert answer.status_code < 300, answer.text
        return answer.json()


def amended(api: Asked, folder: Path, new: str, form: DiffFormat = "json") -> int:
    file = folder / "new.yaml"
    file.write_text(new)
    proposed = Proposed(file, "payments", "payment", None, None, "live", "7d")
    return judged(There(api), proposed, form)


OPEN = PAYMENTS.replace("      additionalProperties: false\n", "")
NO_NOTE = OPEN.replace("        note: {type: string, nullable: true, maxLength: 5}\n", "")
NO_PAYER = OPEN.replace(
    '        payer: {nullable: true, allOf: [{$ref: "#/components/schemas/Payer"}]}\n', ""
)
ASKS_NOTE = OPEN.replace("state, secret]", "state, secret, note]")


def test_silence_is_no_pass(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(api)
    assert amended(api, tmp_path, PAYMENTS) == 2
    assert json.loads(capsys.readouterr().out)["reason"] == "no_traffic"


def test_what_consumers_receive_and_would_lose_breaks_though_it_was_never_promised(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(api, OPEN)
    noted = {"caller": "ios", "response_body": json.dumps(GOOD | {"note": "x"})}
    posted = {
        "method": "POST", "path": "/payments", "status": 201,
        "request_headers": {"content-type": "application/json", "x-tenant": "a"},
        "request_body": json.dumps(GOOD | {"secret": "s"}),
    }  # fmt: skip
    recorded(api, *([{}] * 420), *([noted] * 40), *([posted] * 40))

    assert amended(api, tmp_path, NO_NOTE) == 1
    answer = json.loads(capsys.readouterr().out)
    assert (answer["result"], answer["reason"]) == ("breaking", "live_calls")
    (lost,) = answer["lost"]
    assert (lost["consumer"], lost["pointer"], lost["affected"]) == ("ios", "/note", 40)
    assert lost["share"] == lost["upper"] == 1.0
    assert "received_today" in {row["why"] for row in answer["changes"] if row["affected"]}

    code = amended(api, tmp_path, NO_PAYER)  # which none of 460 answers held
    answer = json.loads(capsys.readouterr().out)
    row = next(
        row
        for row in answer["changes"]
        if (row["operation"], row["status"], row["side"])
        == ("GET /payments/{id}", "200", "response")
    )
    assert (row["bearing"], row["why"], row["affected"]) == ("compatible", "nobody_receives", 0)
    assert row["upper"] < 0.01
    assert code == 2  # the other operations were seen too little
    assert not next(told for told in answer["operations"] if "POST" in told["operation"])["enough"]

    assert amended(api, tmp_path, ASKS_NOTE) == 1  # the posts do not carry it
    answer = json.loads(capsys.readouterr().out)
    met = next(met for met in answer["met"] if met["side"] == "request")
    assert (met["consumer"], met["pointer"], met["rule"]) == ("web", "/note", "required")
    assert (met["affected"], met["looked_at"]) == (40, 40)

    forms: tuple[DiffFormat, ...] = ("text", "markdown", "sarif", "junit", "github")
    told = {}
    for form in forms:
        assert amended(api, tmp_path, NO_NOTE, form) == 1
        told[form] = capsys.readouterr().out
    assert (
        "lost: ios 1.0 (provider 2.0) receives GET /payments/{id} 200 /note: 40 of 40"
        in told["text"]
    )
    assert "result: breaking (live calls show it)" in told["markdown"]
    assert json.loads(told["sarif"])["runs"][0]["invocations"][0]["exitCode"] == 1
    assert ET.fromstring(told["junit"]).attrib["failures"] != "0"
    assert "::error title=seamwatch contracts amend::" in told["github"]


def test_a_parameter_that_goes_breaks_who_sends_it_and_nobody_else(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Vendors declare it breaking, though a request that still has it is answered as before. Of a
    request's headers nothing is kept, so that nothing is told of them.
    """
    own = "parameters: [{name: id, in: path, required: true, schema: {type: integer}}"
    asked = (
        ", {name: expand, in: query, schema: {type: string}}"
        ", {name: hidden, in: query, schema: {type: string}}"
        ", {name: if-match, in: header, schema: {type: string}}"
    )
    assert own in OPEN
    publish(api, OPEN.replace(own, own + asked))
    recorded(api, *([{"query": "expand=payer"}] * 20), *([{"query": ""}] * 400))
    assert amended(api, tmp_path, OPEN) == 1
    answer = json.loads(capsys.readouterr().out)
    changes = {
        row["place"]: (row["bearing"], row["why"], row["affected"], row["untold"])
        for row in answer["changes"]
    }
    assert changes["query expand"] == ("breaking", "sent_today", 20, 0)
    assert changes["query hidden"] == ("compatible", "nobody_sends", 0, 0)
    assert changes["header if-match"] == ("undecided", "sent_in_vain", 0, 420)
    (why,) = (row["unsettled"] for row in answer["changes"] if row["untold"])
    assert [it["why"] for it in why] == ["request_header_unkept"]


def test_a_clause_about_values_is_held_against_marks_of_live_requests(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A narrower list, range or length: who sends what is refused then; of a pattern nothing is
    told.
    """
    publish(api, OPEN)
    posted = {
        "method": "POST", "path": "/payments", "status": 201,
        "request_headers": {"content-type": "application/json", "x-tenant": "a"},
    }  # fmt: skip
    listed = {"path": "/payments", "query": "limit=40", "response_body": "[]"}
    bodies = [
        {"caller": caller, "request_body": json.dumps(GOOD | {"secret": "s", "note": note, "state": state})}
        for caller, note, state, count in (("web", "ab", "open", 380), ("ios", "abcd", "done", 20))
        for _ in range(count)
    ]  # fmt: skip
    refused = {**posted, "status": 422, "request_body": json.dumps(GOOD | {"state": "none"})}
    recorded(api, *(posted | body for body in bodies), *([refused] * 9), *([listed] * 50))

    new = (
        OPEN.replace("state: {type: string, enum: [open, done]}", "state: {type: string, enum: [open]}")
        .replace("nullable: true, maxLength: 5}", "nullable: true, maxLength: 3}")
        .replace("amount: {type: number, minimum: 0}", "amount: {type: number, minimum: 8}")
        .replace('pattern: "^[A-Z]{3}$"', 'pattern: "^[A-Z]{2}R$"')
        .replace("maximum: 100}", "maximum: 50}")
    )  # fmt: skip
    assert amended(api, tmp_path, new) == 1
    answer = json.loads(capsys.readouterr().out)
    rows = {
        (row["rule"], row["place"]): (row["affected"], row["looked_at"], row["untold"])
        for row in answer["changes"]
        if row["side"] == "request" and row["operation"] != "GET /payments/{id}"
    }
    assert rows == {
        ("enum", "/state"): (20, 400, 0),
        ("maxLength", "/note"): (20, 400, 0),
        ("minimum", "/amount"): (0, 400, 0),
        ("pattern", "/currency"): (0, 400, 400),
        ("maximum", "query limit"): (0, 50, 50),  # 32 to 63 are one mark
    }
    refusals = [met for met in answer["met"] if met["side"] == "request"]
    assert [
        (met["consumer"], met["rule"], met["affected"], met["looked_at"]) for met in refusals
    ] == [("ios", "maxLength", 20, 20), ("ios", "enum", 20, 20)]
    assert amended(api, tmp_path, new, "text") == 1
    told = capsys.readouterr().out
    assert "concerns ios 1.0 (provider 2.0): POST /payments request /state enum: 20 of 20" in told
    assert "live: 0 of 400 (0.918 % at most)" in told
    assert "live: 0 of 400, of 400 it cannot be told" in told


def test_of_a_clause_that_no_skeleton_tells_nothing_is_said_of_live_requests(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Alternatives of values, conditions, names of fields: `0 of 40` would be no evidence."""
    publish(api, OPEN)
    posted = {
        "method": "POST", "path": "/payments", "status": 201,
        "request_headers": {"content-type": "application/json", "x-tenant": "a"},
        "request_body": json.dumps(GOOD | {"secret": "s"}),
    }  # fmt: skip
    recorded(api, *([posted] * 40), *([{**posted, "status": 422}] * 9))

    hidden = ("anyOf: [{enum: [PLN]}, {enum: [HUF]}]", "not: {enum: [EUR]}")
    for clause in hidden:
        new = OPEN.replace('pattern: "^[A-Z]{3}$"', f'pattern: "^[A-Z]{{3}}$", {clause}')
        assert new != OPEN
        assert amended(api, tmp_path, new) == 1
        answer = json.loads(capsys.readouterr().out)
        (row,) = (
            row
            for row in answer["changes"]
            if row["side"] == "request" and row["rule"] == clause.partition(":")[0]
        )
        assert (row["affected"], row["untold"]) == (0, 40)


def test_what_is_approved_is_the_next_revision_from_a_time_on_where_it_holds(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    publish(api)
    file = tmp_path / "new.yaml"
    file.write_text(OPEN)
    proposed = Proposed(file, "payments", "payment", None, "production", "live", "7d")
    approved(There(api), proposed, "2027-01-01T00:00:00+00:00")
    told = capsys.readouterr().err
    assert "payments revision 2 of payment is published: in force from 2027-01-01" in told
    line = api.get("/v1/contracts").json()[0]
    assert (line["number"], line["environment"]) == (2, "production")
    assert amended(api, tmp_path, PAYMENTS) == 2
    assert "payments revision 1" in capsys.readouterr().out  # the second is not in force yet
