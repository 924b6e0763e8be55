"""Contract cases from a folder: small contracts with recorded exchanges and the verdict that each
should have.

SEAMWATCH_CONFORMANCE_DATA names a folder with contract-cases/*.json; our own cases of the same
kinds stand in tests/contracts. A case: {contract or contract_text, lenient_nullable, exchanges:
[{record, expect}]}.
"""

import json
import os
from pathlib import Path
from typing import Any

import pytest

from monitor.cli import main

FOLDER = Path(os.environ.get("SEAMWATCH_CONFORMANCE_DATA", "/nowhere")) / "contract-cases"
CASES = sorted(FOLDER.glob("*.json"))


@pytest.mark.skipif(
    not CASES,
    reason="not run: SEAMWATCH_CONFORMANCE_DATA names no folder with contract-cases/*.json",
)
@pytest.mark.parametrize("path", CASES, ids=lambda path: path.stem)
def test_each_exchange_has_the_verdict_that_it_should_have(
    path: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    case: dict[str, Any] = json.loads(path.read_text())
    monkeypatch.chdir(tmp_path)
    contract, traffic = tmp_path / "contract", tmp_path / "traffic.ndjson"
    contract.write_text(case.get("contract_text") or json.dumps(case["contract"]))
    traffic.write_text(
        "".join(json.dumps(exchange["record"]) + "\n" for exchange in case["exchanges"])
    )
    monkeypatch.setenv(
        "SEAMWATCH_CONTRACTS_LENIENT_NULLABLE", str(case["lenient_nullable"]).lower()
    )
    with pytest.raises(SystemExit):
        main(
            [
                "contracts",
                "check",
                "--contract",
                str(contract),
                "--traffic",
                str(traffic),
                "--format",
                "json",
            ]
        )
    output = capsys.readouterr()
    assert output.out, output.err
    rows = json.loads(output.out)["exchanges"]
    assert [row["verdict"] for row in rows] == [
        exchange["expect"] for exchange in case["exchanges"]
    ], rows
