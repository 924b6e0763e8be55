"""Our compiled matcher beside Pact's own library, on the official bodies and on bodies that are
bent at random.
"""

import copy
import json
from random import Random
from typing import Any

import pytest

from tests.conformance.test_pact_cases import judged, suite

pact_ffi = pytest.importorskip("pact_ffi", reason="pact-python-ffi has no wheel for this machine")

VERSIONS = {"v2": "V2", "v3": "V3", "v4": "V4"}
OTHER_VALUES: tuple[Any, ...] = (
    None,
    True,
    0,
    -7,
    10**12,
    1.5,
    "",
    "text",
    "12",
    [],
    {},
    [1, "a"],
    {"extra": 1},
)


def theirs(version: str, case: dict[str, Any]) -> bool | None:
    """Whether Pact's own library takes the answer's body; None when it cannot be asked."""
    expected, actual = (
        content(version, case[side].get("body")) for side in ("expected", "actual")
    )
    if expected is None or actual is None:
        return None
    part = pact_ffi.InteractionPart.RESPONSE
    pact = pact_ffi.new_pact("a", "b")
    pact_ffi.with_specification(pact, getattr(pact_ffi.PactSpecification, VERSIONS[version]))
    held = pact_ffi.new_sync_message_interaction(pact, "it")
    pact_ffi.with_body(held, part, "application/json", json.dumps(expected))
    if rules := body_rules(version, case["expected"].get("matchingRules") or {}):
        pact_ffi.with_matching_rules(held, part, json.dumps({"body": rules}))
    try:
        return not pact_ffi.sync_message_match_response_contents(
            held, 0, "application/json", json.dumps(actual)
        )
    except RuntimeError:
        return None


def content(version: str, body: Any) -> Any:
    """A body as JSON; None when it is none."""
    if version == "v4" and isinstance(body, dict) and "content" in body:
        return body["content"] if "json" in str(body.get("contentType", "json")) else None
    return None if isinstance(body, str) else body


def body_rules(version: str, rules: dict[str, Any]) -> dict[str, Any]:
    """The rules of a body in the words of versions 3 and 4."""
    if version != "v2":
        return rules.get("body") or {}
    return {
        f"${path.removeprefix('$.body')}": {"matchers": [rule]}
        for path, rule in rules.items()
        if path.startswith("$.body")
    }


def bent(value: Any, chance: Random) -> Any:
    """The same value with one place of it changed, taken away or added."""
    if isinstance(value, dict) and value and chance.random() < 0.85:
        changed = copy.copy(value)
        name = chance.choice(sorted(changed))
        if chance.random() < 0.15:
            del changed[name]
        else:
            changed[name] = bent(changed[name], chance)
        return changed
    if isinstance(value, list) and value and chance.random() < 0.85:
        place = chance.randrange(len(value))
        middle = [] if chance.random() < 0.2 else [bent(value[place], chance)]
        return [
            *value[:place],
            *middle,
            *value[place + 1 :],
            *([value[0]] if chance.random() < 0.2 else []),
        ]
    return chance.choice(OTHER_VALUES)


def with_body(version: str, case: dict[str, Any], body: Any) -> dict[str, Any]:
    was = case["actual"]["body"]
    held = {**was, "content": body} if version == "v4" and isinstance(was, dict) else body
    return {**case, "actual": {**case["actual"], "body": held}}


@pytest.mark.parametrize("version", VERSIONS)
@pytest.mark.parametrize("bent_bodies", [8, pytest.param(40, marks=pytest.mark.long)])
def test_bodies_are_taken_and_refused_as_by_pacts_own_library(
    version: str, bent_bodies: int, capsys: pytest.CaptureFixture[str]
) -> None:
    chance, asked, differing = Random(version), 0, []
    for path, case in suite(version).items():
        if not path.startswith("response/body"):
            continue
        body = content(version, case["actual"].get("body"))
        tried = [case]
        if isinstance(body, (dict, list)):
            tried += [with_body(version, case, bent(body, chance)) for _ in range(bent_bodies)]
        for variant in tried:
            told = theirs(version, variant)
            mismatches = judged(
                version, "response", {**variant, "actual": {"status": 200, **variant["actual"]}}
            )
            if told is None:
                continue
            asked += 1
            if told != (not mismatches and not mismatches.open):
                body = json.dumps(content(version, variant["actual"]["body"]))
                differing.append(
                    f"{path}: {body}: {told}, ours {mismatches.broken} {mismatches.left}"
                )
    with capsys.disabled():
        print(
            f"\npact {version}: agrees with Pact's own library in {asked - len(differing)} of {asked} bodies"
        )
    assert asked > 25 * bent_bodies
    assert not differing, "\n".join(differing)
