"""The matrix: a cell for each consumer and live version, saying which expectations were kept,
broken or never shown.
"""

import json
from datetime import UTC, datetime
from typing import Any

from monitor.contracts.read import read_contract
from monitor.joining.matrix import Expected, Live, matrix
from monitor.model.contracts import Revision
from tests.contracts.examples import ALWAYS, interaction, pact

DOCUMENT = pact(interaction("an order"), interaction("no order"), interaction("a new order"))
AT = datetime(2026, 11, 21, 9, 30, tzinfo=UTC)


def expected(*rows: dict[str, Any], consumer: str = "web", environment: str = "") -> Expected:
    held = Revision(
        f"{consumer}-orders",
        1,
        "pact",
        "orders",
        "",
        consumer,
        environment,
        ALWAYS,
        None,
        "",
        "x",
        ALWAYS,
    )
    told = [
        {"environment": "production", "caller": consumer, "caller_version": "1", "callee": "orders", "callee_version": "2.0", "kept": 0, "broken": 0,
         "open": 0, "first_seen": AT, "last_seen": AT} | row
        for row in rows
    ]  # fmt: skip
    return Expected(held, read_contract("pact", json.dumps(DOCUMENT), where="x"), told)


LIVE = [Live("production", "1.9"), Live("production", "2.0"), Live("staging", "2.1")]


def test_each_live_version_has_its_own_cell() -> None:
    cells = matrix(
        [expected(
            {"interaction": "an order", "kept": 3},
            {"interaction": "an order", "kept": 5, "broken": 1, "callee_version": "1.9"},
            {"interaction": "no order", "open": 1},
            {"interaction": "no order", "kept": 1, "callee_version": "0.1"},
        )],
        LIVE,
    )  # fmt: skip
    assert [(cell.environment, cell.version, cell.word) for cell in cells] == [
        ("production", "1.9", "breaks"),
        ("production", "2.0", "incomplete"),
        ("staging", "2.1", "unshown"),
    ]
    assert (cells[1].kept, cells[1].open, cells[1].unshown) == (
        ["an order"],
        ["no order"],
        ["a new order"],
    )
    assert cells[0].broken == ["an order"]


def test_keeps_is_said_only_when_everything_was_shown() -> None:
    shown = [{"interaction": name, "kept": 1} for name in ("an order", "no order", "a new order")]
    (cell,) = matrix([expected(*shown)], [Live("production", "2.0")])
    assert (cell.word, cell.unshown) == ("keeps", [])
    (cell,) = matrix([expected(*shown[:2])], [Live("production", "2.0")])
    assert (cell.word, cell.unshown) == ("incomplete", ["a new order"])


def test_a_contract_of_one_environment_is_asked_of_that_one_alone() -> None:
    assert [cell.environment for cell in matrix([expected(environment="staging")], LIVE)] == [
        "staging"
    ]


def test_consumers_do_not_prove_for_each_other() -> None:
    cells = matrix(
        [expected({"interaction": "an order", "kept": 3}), expected(consumer="billing")],
        [Live("production", "2.0")],
    )
    assert [(cell.consumer, cell.word) for cell in cells] == [
        ("billing", "unshown"),
        ("web", "incomplete"),
    ]


def test_where_no_version_is_live_those_that_showed_something_are_told_as_such() -> None:
    (cell,) = matrix([expected({"interaction": "an order", "kept": 3})], [])
    assert (cell.version, cell.live) == ("2.0", False)
