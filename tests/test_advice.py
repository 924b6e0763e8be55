"""Every reason why something was not checked has words and a remedy, on the page, in the API and
by the doctor.
"""

import ast
from datetime import timedelta
from pathlib import Path

from monitor.advice import ADVICE, NO_LOG, NO_TOPIC, RECIPES, unchecked
from monitor.cli.doctor import edge_signs
from tests.fixtures.api import Asked
from tests.fixtures.shop_day import NOON, edge_row, publish, write

ROOT = Path(__file__).parents[1]


def reasons_given() -> set[str]:
    """Every code that checking may leave something open with: constants that are handed to
    `leave`, and those of payloads.
    """
    codes: set[str] = set()
    constants: dict[str, str] = {}
    trees = [
        ast.parse(path.read_text()) for path in (ROOT / "monitor" / "contracts").rglob("*.py")
    ]
    for tree in trees:
        for node in tree.body:
            if isinstance(node, ast.Assign) and isinstance(node.value, ast.Constant | ast.Tuple):
                names = (
                    node.targets[0].elts
                    if isinstance(node.targets[0], ast.Tuple)
                    else node.targets
                )
                values = node.value.elts if isinstance(node.value, ast.Tuple) else [node.value]
                pairs = zip(names, values, strict=False)
                constants |= {
                    n.id: v.value
                    for n, v in pairs
                    if isinstance(n, ast.Name)
                    and isinstance(v, ast.Constant)
                    and isinstance(v.value, str)
                }
    for tree in trees:
        for node in ast.walk(tree):
            if (
                isinstance(node, ast.Call)
                and getattr(node.func, "attr", "") == "leave"
                and isinstance(node.args[0], ast.Name)
            ):
                codes.add(constants.get(node.args[0].id, ""))
    return codes - {""}


def test_every_reason_that_is_given_has_advice() -> None:
    given = reasons_given()
    assert len(given) > 8
    assert given <= set(ADVICE), given - set(ADVICE)
    assert {"no_body", "truncated", "encoded", "no_contract", "media_type", NO_LOG} <= set(ADVICE)
    assert all(why and helps for why, helps in ADVICE.values())
    assert (ROOT / RECIPES).exists()


def test_calls_that_no_log_tells_of_are_told_apart_and_a_database_misses_none() -> None:
    told = unchecked(100, 10, {"no_body": 30, "truncated": 5})
    assert [(gap.reason, gap.calls) for gap in told] == [
        (NO_LOG, 55),
        ("no_body", 30),
        ("truncated", 5),
    ]
    assert unchecked(100, 0, {}, "db") == []
    assert unchecked(10, 10, {}) == []
    assert [(gap.reason, gap.help) for gap in unchecked(5, 1, {}, "messaging")] == [
        (
            NO_TOPIC,
            "name the topic in topics.messages, or take seamwatch.capture into who sends or takes them",
        )
    ]
    assert unchecked(1, 0, {"of_tomorrow": 1})[0].why == ""


def test_the_edges_page_the_api_and_the_doctor_say_why_and_what_would_help(api: Asked) -> None:
    window = NOON - timedelta(minutes=5)
    row = edge_row(
        window,
        1,
        ("checkout", "payment", "http", "POST /pay"),
        ("3.1.0", "2.0.0"),
        200,
        valid=0,
        violated=0,
        not_checked=[("no_body", 150)],
    )
    write(api.parts.store, "edge_windows", [row])
    publish(api.parts.store, 1, [window], NOON)
    (line,) = api.get("/v1/coverage").json()
    assert [(gap["reason"], gap["calls"]) for gap in line["unchecked"]] == [
        ("no_body", 150),
        (NO_LOG, 50),
    ]
    page = api.get(
        "/edges/view?caller=checkout&callee=payment&environment=production&since=30m"
    ).text
    assert ADVICE["no_body"][0] in page
    assert RECIPES in page
    assert ADVICE["no_body"][0] in api.get("/health").text
    (sign,) = edge_signs([line])
    assert (sign.what, sign.state) == ("checkout → payment", "mind")
    assert (
        sign.said
        == f"nothing is checked: {ADVICE['no_body'][0]} (150 calls). {ADVICE['no_body'][1]}"
    )
    assert edge_signs([line | {"checked": 1}]) == []
    assert edge_signs([line] * 12)[-1].said.startswith("nothing is checked of 3 more")
