"""Two versions whose payloads have one schema: what means something else is told over the whole way,
from records to the answer.
"""

import json
from datetime import timedelta
from typing import Any

from monitor.contracts.registry import Registry
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON
from tests.pipelines.test_examples_shown import Given, records


def live(api: Asked, version: str, first: int, factor: float, zone: str, count: int = 150) -> None:
    began = NOON - timedelta(hours=3) + timedelta(seconds=first)
    given = []
    for place in range(count):
        at = began + timedelta(seconds=place, milliseconds=-250)
        answer = {
            "total": factor * (12.25 + place % 7),
            "at": f"{at:%Y-%m-%dT%H:%M:%S}.750{zone}",
            "made": "2026-11-21T09:00:00.250Z",  # grows old by itself
            "kind": "open",
        }
        given.append(
            {
                "callee": "till", "callee_version": version, "caller": ("web", "ios")[place % 2],
                "response_body": json.dumps(answer),
            }
        )  # fmt: skip
    batch = Given(records(*given, at=began, first=first))
    list(api_logs(batch, api.parts.store, Registry, ApiLogSettings(format="ndjson"), api.clock))


def asked(api: Asked, **more: str) -> dict[str, Any]:
    answer = api.get("/v1/meaning", LOCAL_TOKEN, params={"service": "till"} | more)
    assert answer.status_code == 200, answer.text
    told: dict[str, Any] = answer.json()
    return told


def test_what_means_something_else_in_the_newer_version_is_told_and_no_value_is(
    api: Asked,
) -> None:
    assert asked(api)["old"] == ""
    live(api, "1.0", 0, 1, "Z")
    assert asked(api)["kinds"] == []
    live(api, "2.0", 200, 1, "Z")  # nothing changed
    told = asked(api)
    assert (told["old"], told["new"], told["changes"]) == ("1.0", "2.0", [])
    (kind,) = (kind for kind in told["kinds"] if kind["side"] == "response")
    assert (kind["old_payloads"], kind["new_payloads"], kind["enough"]) == (150, 150, True)
    assert kind["at_once"] is True

    live(api, "3.0", 4_000, 100, "")
    told = asked(api, old="2.0")
    assert told["new"] == "3.0"
    text = {row["change"]["place"]["pointer"]: row["text"] for row in told["changes"]}
    assert text.keys() == {"/total", "/at"}
    assert "numbers are about 100 times larger" in text["/total"]
    assert "100 % are with the zone none, before 0 %" in text["/at"]
    assert "1225" not in json.dumps(told)
    assert asked(api, old="3.0", new="3.0")["kinds"] == []


def test_a_request_is_its_senders_whatever_version_answers(api: Asked) -> None:
    """The rule is the signal's: what a caller sends is asked for under the caller's name and
    versions, and a new callee is no change of it.
    """
    began = NOON - timedelta(hours=3)
    given = [
        {
            "method": "POST", "caller": "shop", "caller_version": f"{1 + place // 200}.0",
            "callee": "till", "callee_version": f"{7 + place % 2}", "response_body": '{"ok": true}',
            "request_headers": {"content-type": "application/json"},
            "request_body": json.dumps({"total": (12.25 + place % 7) * (100 if place >= 200 else 1)}),
        }
        for place in range(400)
    ]  # fmt: skip
    batch = Given(records(*given, at=began))
    list(api_logs(batch, api.parts.store, Registry, ApiLogSettings(format="ndjson"), api.clock))
    told = asked(api, service="shop")
    assert (told["old"], told["new"]) == ("1.0", "2.0")
    (change,) = told["changes"]
    assert (change["change"]["place"]["side"], change["change"]["place"]["pointer"]) == (
        "request", "/total",
    )  # fmt: skip
    assert {kind["side"] for kind in asked(api, old="7", new="8")["kinds"]} == {"response"}
