"""`seamwatch contracts diff`: two files in, what changed and what it means out, by exit code and
form.
"""

import json
import xml.etree.ElementTree as ET
from pathlib import Path

import pytest

from monitor.cli import main
from tests.contracts.examples import interaction, pact
from tests.contracts.promises import PAYMENTS

LOOSER = PAYMENTS.replace("required: [id, amount", "required: [amount")
GONE = PAYMENTS.replace("  /payments/newest:", "  /payments/latest:")


def told(
    folder: Path, capsys: pytest.CaptureFixture[str], old: str, new: str, form: str = "text"
) -> tuple[int, str, str]:
    for name, text in (("old.yaml", old), ("new.yaml", new)):
        (folder / name).write_text(text)
    with pytest.raises(SystemExit) as end:
        main(["contracts", "diff", str(folder / "old.yaml"), str(folder / "new.yaml"), "-f", form])
    output = capsys.readouterr()
    return int(end.value.code or 0), output.out, output.err


def test_the_exit_code_tells_what_became_of_it(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    assert LOOSER != PAYMENTS
    code, out, _ = told(tmp_path, capsys, PAYMENTS, PAYMENTS)
    assert (code, out) == (0, "result: compatible; no clause has changed\n")
    code, out, _ = told(tmp_path, capsys, PAYMENTS, GONE)
    assert code == 1
    assert "breaking   GET /payments/newest operation went (may break consumers)\n" in out
    assert "compatible GET /payments/latest operation came\n" in out
    shown, another = (json.dumps(pact(interaction(name))) for name in ("a", "b"))
    code, _, _ = told(tmp_path, capsys, shown, another)
    assert code == 2
    code, _, err = told(tmp_path, capsys, PAYMENTS, shown)
    assert code == 64
    assert "two revisions of one contract are of one kind" in err
    code, _, err = told(tmp_path, capsys, PAYMENTS, "openapi: 3.1.0\npaths: [")
    assert code == 64
    assert "new.yaml" in err


def test_every_form_tells_the_same(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    forms = {
        form: told(tmp_path, capsys, PAYMENTS, LOOSER, form)
        for form in ("text", "json", "markdown", "sarif", "junit", "github")
    }
    assert {code for code, _, _ in forms.values()} == {1}
    report = json.loads(forms["json"][1])
    breaking = [row for row in report["changes"] if row["bearing"] == "breaking"]
    assert report["breaking"] == len(breaking) > 0
    assert {(row["side"], row["place"], row["rule"]) for row in breaking} == {
        ("response", "/id", "required"),
        ("response", "/*/id", "required"),
    }
    assert all(row["file"].endswith("new.yaml") and row["line"] > 1 for row in breaking)
    (run,) = json.loads(forms["sarif"][1])["runs"]
    assert [result["level"] for result in run["results"]] == ["error"] * len(breaking)
    assert run["tool"]["driver"]["rules"][0]["id"] == "required"
    suites = ET.fromstring(forms["junit"][1])
    assert int(suites.attrib["failures"]) == len({row["operation"] for row in breaking})
    assert forms["github"][1].count("::error file=") == len(breaking)
    assert forms["markdown"][1].count("| breaking |") == len(breaking)
    assert "@" not in forms["markdown"][1]


def test_one_change_of_a_shared_definition_is_one_row(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """A list of words that grew was told once for each operation that refers to it."""

    def paths(words: str) -> str:
        answer = '{description: ok, content: {application/json: {schema: {$ref: "#/components/schemas/Order"}}}}'
        routes = "".join(
            f"  /orders/{number}:\n    get:\n      responses:\n        '200': {answer}\n"
            for number in range(150)
        )
        return f"""openapi: 3.1.0
info: {{title: Orders, version: "1"}}
paths:
{routes}components:
  schemas:
    State: {{type: string, enum: [{words}]}}
    Order: {{type: object, properties: {{state: {{$ref: "#/components/schemas/State"}}}}}}
"""

    old, new = paths("open, paid"), paths("open, paid, sent")
    code, out, _ = told(tmp_path, capsys, old, new)
    assert code == 2
    first, last = out.strip().splitlines()[::2]
    assert " response 200 /state enum changed: 2 values → 3 values" in first
    assert first.endswith("all in all 150 places of 150 operations by #/components/schemas/State")
    assert last == "result: undecided; 0 breaking, 150 undecided, 0 compatible"
    _, out, _ = told(tmp_path, capsys, old, new, "sarif")
    (result,) = json.loads(out)["runs"][0]["results"]
    assert len(result["properties"]["places"]) == 150
    _, out, _ = told(tmp_path, capsys, old, new, "json")
    rows = json.loads(out)["changes"]
    assert len(rows) == 150
    assert {row["shared"] for row in rows} == {"#/components/schemas/State"}
