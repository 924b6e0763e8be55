"""Policy files: what they say, and what is said of those that are wrong."""

from pathlib import Path

import pytest

from monitor.config import Settings, policy_in, policy_of, policy_schema, read_policy
from monitor.errors import ConfigError
from monitor.model.policy import ByHand, Criticality, Minimum, Overruling, Policy, Rule

GOOD = """version: 1
criticality:
  days: 7
  by_hand:
    - {services: [shop/pay], level: high}
rules:
  - name: everything
    minimum: {calls: 100, minutes: 2.5}
  - name: payments
    services: ["pay*"]
    environments: [production]
    criticality: [high, medium]
    inconclusive: {weaker_pass: pass, other: fail}
overrides: {longest_hours: 8}
"""


def test_a_policy_file_says_what_it_says() -> None:
    assert read_policy(GOOD) == Policy(
        1,
        (
            Rule("everything", minimum=Minimum(calls=100, minutes=2.5)),
            Rule(
                "payments",
                ("pay*",),
                ("production",),
                ("high", "medium"),
                inconclusive={"weaker_pass": "pass", "other": "fail"},
            ),
        ),
        Criticality(days=7, by_hand=(ByHand(("shop/pay",), "high"),)),
        Overruling(8.0),
    )


def test_equal_policies_have_one_mark_and_others_another() -> None:
    assert read_policy(GOOD).mark == read_policy(GOOD.replace("100", " 100")).mark
    assert read_policy(GOOD).mark != read_policy(GOOD.replace("100", "101")).mark


@pytest.mark.parametrize(
    ("was", "becomes", "line", "said"),
    [
        ("overrides:", "overides:", 14, "unknown name 'overides', did you mean overrides?"),
        ("{calls:", "{call:", 8, "unknown name 'call', did you mean calls?"),
        ("    services:", "    service:", 10, "unknown name 'service', did you mean services?"),
        (
            "weaker_pass",
            "weak_pass",
            13,
            "unknown kind of doubt 'weak_pass', did you mean weaker_pass?",
        ),
        ("longest_hours", "hours", 14, "unknown name 'hours', did you mean longest_hours?"),
        ("days: 7", "day: 7", 3, "unknown name 'day', did you mean days?"),
        ("level: high", "level: huge", 5, "Input should be 'low', 'medium' or 'high'"),
        ("other: fail", "other: maybe", 13, "rules.1.inconclusive.other: Input should be"),
        ("calls: 100", "calls: 0", 8, "greater than or equal to 1"),
        ("calls: 100", "calls: many", 8, "valid integer"),
        ("longest_hours: 8", "longest_hours: .inf", 14, "finite"),
        ("version: 1", "version: 2", 1, "version"),
        ("version: 1\n", "", 1, "begin with `version: 1`"),
        ("name: payments", "name: everything", 9, "stands above"),
        ("    minimum: {calls: 100, minutes: 2.5}\n", "", 7, "asks for nothing"),
        ("overrides:", "version: 1\noverrides:", 14, "version stands here twice"),
        ("minutes: 2.5", "calls: 200", 8, "calls stands here twice"),
        ("[production]", "[production", 12, "it is no YAML"),
    ],
)
def test_what_is_wrong_is_told_with_line_and_nearest_name(
    was: str, becomes: str, line: int, said: str
) -> None:
    assert was in GOOD
    with pytest.raises(ConfigError) as error:
        read_policy(GOOD.replace(was, becomes, 1), "gate.yaml")
    assert f"gate.yaml:{line}: " in str(error.value)
    assert said in str(error.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "1",
        "- a",
        "[" * 90_000,
        "version: 1\nrules: 2026-13-45",
        "version: 1\na: &x 1\nb: *x",
        "#" * 100_001,
    ],
)
def test_what_is_no_policy_at_all_is_refused(text: str) -> None:
    with pytest.raises(ConfigError):
        read_policy(text)


def test_the_settings_name_the_file_or_accept_weaker_passes_and_never_both(tmp_path: Path) -> None:
    file = tmp_path / "gate.yaml"
    file.write_text(GOOD)
    assert policy_in(file) == read_policy(GOOD)

    def of(**detection: object) -> Policy:
        return policy_of(Settings(detection=detection))  # type: ignore[arg-type]  # pydantic reads it

    assert of() == Policy()
    assert of(accept_weaker_pass=True).rules[0].inconclusive == {"weaker_pass": "pass"}
    assert of(policy_file=file) == read_policy(GOOD)
    with pytest.raises(ConfigError, match="both set"):
        of(policy_file=file, accept_weaker_pass=True)
    with pytest.raises(ConfigError, match="cannot be read"):
        of(policy_file=tmp_path / "none.yaml")


def test_the_schema_describes_every_name() -> None:
    told = policy_schema()
    assert set(told["properties"]) == {"version", "rules", "criticality", "overrides"}
    rule = told["$defs"]["Rule"]["properties"]
    assert all(field.get("description") for field in rule.values())
