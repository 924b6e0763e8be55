"""The official JSON-Schema-Test-Suite through our compiled form: every required, optional and
format case.
"""

import json
import os
import tarfile
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest

from monitor.contracts.compiling import Draft
from monitor.contracts.schemas import Schemas
from monitor.native import BUILT

DRAFTS: dict[str, Draft] = {
    "draft4": "4",
    "draft6": "6",
    "draft7": "7",
    "draft2019-09": "2019-09",
    "draft2020-12": "2020-12",
}
# 8,327 in all
CASES = {
    "draft4": 937,
    "draft6": 1_270,
    "draft7": 1_721,
    "draft2019-09": 2_174,
    "draft2020-12": 2_225,
}
HOST = "http://localhost:1234/"


@cache
def suite() -> tuple[dict[str, Any], dict[str, Any]]:
    """All files of the suite by path, and the remote documents that they may name."""
    folder = os.environ.get("SEAMWATCH_CONFORMANCE_DATA", "")
    archive = Path(folder) / "json-schema-test-suite" / "suite.tar.gz"
    if not folder or not archive.exists():
        pytest.skip(
            "not run: SEAMWATCH_CONFORMANCE_DATA names no folder with json-schema-test-suite/suite.tar.gz"
        )
    tests: dict[str, Any] = {}
    remotes: dict[str, Any] = {}
    with tarfile.open(archive) as held:
        for member in held:
            if member.name.endswith(".json"):
                reader = held.extractfile(member)
                assert reader is not None
                path = member.name.removeprefix("./")
                (tests if path.startswith("tests/") else remotes)[path] = json.load(reader)
    return tests, {
        HOST + path.removeprefix("remotes/"): document for path, document in remotes.items()
    }


def cases(folder: str) -> Iterator[tuple[str, Any, Any, bool]]:
    """Name, schema, payload and whether it is valid."""
    for path, groups in suite()[0].items():
        if path.startswith(f"tests/{folder}/"):
            for group in groups:
                for test in group["tests"]:
                    yield (
                        f"{path}: {group['description']}: {test['description']}",
                        group["schema"],
                        test["data"],
                        test["valid"],
                    )


@pytest.mark.parametrize("folder", DRAFTS)
def test_every_official_case_is_judged_as_the_suite_says(folder: str) -> None:
    remotes = suite()[1]
    wrong, count, proven = [], 0, 0
    known: dict[str, Any] = {}
    for name, schema, payload, valid in cases(folder):
        count += 1
        text = json.dumps(schema)
        if text not in known:
            known.clear()
            known[text] = Schemas(
                schema,
                DRAFTS[folder],
                where="suite",
                resources=remotes,
                assert_formats="/optional/format/" in name,
            ).lazily("")
        compiled = known[text]
        if compiled.fits(payload) is not valid or bool(compiled.broken(payload, 100)) is valid:
            wrong.append(name)
        if compiled.proves(json.dumps(payload)):
            proven += 1
            if not valid:
                wrong.append(f"proven: {name}")
    assert not wrong
    assert count == CASES[folder]
    assert BUILT is None or proven > count // 8
