"""Exported pacts are held by Pact's own verifier against a true and a violating provider."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.api.test_cases import broken_by
from tests.fixtures.api import Asked
from tests.fixtures.pact_verifier import faults
from tests.fixtures.receiver import HttpReceiver, answering

COUNTED = {
    "type": "object",
    "required": ["count"],
    "properties": {"count": {"type": "integer"}, "more": {}},
}
SHOP = {
    "type": "object",
    "required": ["id"],
    "properties": {
        "id": {"type": "integer"},
        "left": {**COUNTED, "type": ["object", "null"]},
        "lines": {"type": "array", "items": {"type": "object", "properties": {"left": COUNTED}}},
        "by_day": {"type": "object", "additionalProperties": {"type": "integer"}},
    },
}
TRUE: dict[str, Any] = {
    "id": 1,
    "left": {"count": 2},
    "lines": [{"left": {"count": 1}, "tag": None}, {"left": {"count": 1}, "tag": ["a"]}],
    "by_day": {"2026-11-20": 1, "2026-11-21": 2},
    "owner's": {"seats": [None]},
    "owner": {"seats": 1},
    "tags": ["a"],
    "note": "text",
}
ALSO_TRUE: list[dict[str, Any]] = [
    {"owner": None},
    {"owner's": None},
    {"owner's": {"seats": [1]}},
    {"tags": None},
    {"tags": []},
    {"note": None},
    {"by_day": {"2026-12-01": 9}},
    {"more": "text"},
]
SEEN = [TRUE, *(TRUE | more for more in ALSO_TRUE[:-1])]


def verified(api: Asked, url: HttpReceiver, folder: Path, fingerprint: str) -> Any:
    text = api.get(f"/v1/cases/{fingerprint}", params={"as": "pact"}).json()["text"]

    def ran(answer: object) -> list[str]:
        body = json.dumps(answer).encode()
        url.answer = answering(200, body, content_type="application/json")
        return faults(text, url.url, folder)

    return text, ran


@pytest.mark.parametrize(
    ("bad", "assumed"),
    [
        ({"id": "x"}, []),
        ({"left": {"count": "x"}}, []),
        ({"left": {}}, []),
        ({"by_day": {"2026-11-20": "x"}}, []),
        ({"lines": [{"left": {"count": "x"}}]}, []),
    ],
)
def test_pacts_verifier_passes_a_true_provider_and_fails_a_violating_one(
    api: Asked,
    http_receiver: HttpReceiver,
    tmp_path: Path,
    bad: dict[str, Any],
    assumed: list[str],
) -> None:
    """Null besides an object or array, and names with an apostrophe, no rule of a pact can say."""
    broken = broken_by(api, SHOP, *SEEN, TRUE | bad)
    text, ran = verified(api, http_receiver, tmp_path, broken["fingerprint"])
    for good in ({}, *ALSO_TRUE):
        assert ran(TRUE | good) == [], (good, text)
    assert ran(TRUE | bad), text
    assert [
        state["params"]["pointer"]
        for state in json.loads(text)["interactions"][0].get("providerStates", [])
    ] == assumed


def test_what_a_pact_takes_for_there_is_a_state_of_its_provider(
    api: Asked, http_receiver: HttpReceiver, tmp_path: Path
) -> None:
    """It demanded the holder of an optional place and said so nowhere."""
    seldom = [TRUE | {"left": None}, {name: TRUE[name] for name in TRUE if name != "lines"}]
    bad = TRUE | {"left": {"count": "x"}}
    broken = broken_by(api, SHOP, TRUE, *seldom, bad)
    text, ran = verified(api, http_receiver, tmp_path, broken["fingerprint"])
    (interaction,) = json.loads(text)["interactions"]
    (state,) = interaction["providerStates"]
    assert state == {"name": "the answer holds /left, as shown", "params": {"pointer": "/left"}}
    assert "lines" not in interaction["response"]["body"]
    assert ran(TRUE) == []
    assert ran(seldom[1]) == []
    assert ran(bad)
    document = api.get(f"/v1/cases/{broken['fingerprint']}", params={"as": "openapi-example"})
    paths = json.loads(document.json()["text"])["paths"]
    content = paths["/sums/{id}"]["get"]["responses"]["200"]["content"]["application/json"]
    assert "left" not in content["schema"]["required"]
    assert content["schema"]["properties"]["left"]["nullable"]
