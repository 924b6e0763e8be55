"""Published mocks are held against the live exchanges that they stand for: what drifted is told with
its share, and their documents are brought up to date without a stored value.
"""

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from monitor.cli.contract_mocks import live, refreshed
from monitor.contracts.registry import Registry
from pipelines.api_logs import ApiLogSettings, api_logs
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.held_contracts import revisions
from tests.fixtures.shop_day import NOON
from tests.pipelines.test_examples_shown import records
from tests.pipelines.written import Given

STUBS = {
    "mappings": [
        {
            "name": "an order",
            "request": {"method": "GET", "urlPathPattern": "/orders/\\d+"},
            "response": {
                "status": 200,
                "fixedDelayMilliseconds": 5,
                "jsonBody": {"id": 1, "total": 12.5, "old": "x"},
            },
        },
        {
            "name": "somebody's order",
            "request": {"method": "GET", "url": "/orders/1?as=somebody"},
            "response": {"status": 418, "jsonBody": {}},
        },
        {
            "name": "gone",
            "request": {"method": "GET", "url": "/gone"},
            "response": {"status": 200, "jsonBody": {"a": 1}},
        },
    ]
}


class There:
    """The API as the command asks it."""

    def __init__(self, api: Asked) -> None:
        self._api = api

    def get(self, path: str, **params: Any) -> Any:
        asked = {name: value for name, value in params.items() if value is not None}
        answer = self._api.get(path, LOCAL_TOKEN, params=asked)
        assert answer.status_code == 200, answer.text
        return answer.json()

    def pages(self, path: str, **params: Any) -> Any:
        return SimpleNamespace(rows=self.get(path, **params))


def mock(api: Asked, document: Any = STUBS, **more: Any) -> str:
    body = {"document": json.dumps(document), "provider": "orders", "role": "mock", **more}
    answer = api.post("/v1/contracts", body, LOCAL_TOKEN)
    assert answer.status_code == 201, answer.text
    return str(answer.json()["name"])


def seen(api: Asked, *exchanges: dict[str, Any], ago: timedelta = timedelta(hours=1)) -> None:
    known = Registry(revisions(api.parts.engine))
    batch = records(*exchanges, at=NOON - ago)
    settings = ApiLogSettings(format="ndjson")
    # a second time: what is told again counts once
    for _ in api_logs(Given(batch, batch), api.parts.store, lambda: known, settings, api.clock):
        pass


def order(number: int, currency: str | None = "EUR", **more: Any) -> dict[str, Any]:
    body = {"id": number, "total": f"Grace {number}", "currency": currency}
    return {
        "path": f"/orders/{number}",
        "response_body": json.dumps(body),
        "duration_ms": 90,
        **more,
    }


def test_what_a_mock_says_otherwise_than_the_real_one_is_told_with_its_share(
    api: Asked, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    name = mock(api)
    assert live(There(api), [], 7, None, form="text", strict=False) == 2  # silence is no praise
    assert (
        "undecided (no call of the provider was seen in that time, since this revision"
        in capsys.readouterr().out
    )

    slow = {"status": 429, "response_body": '{"error": "slow down"}'}
    seen(
        api,
        *(order(at, None if at % 2 else "EUR") for at in range(147)),
        *(order(at, **slow) for at in range(3)),
        {"path": "/items/3", "callee_version": "2.1"},
    )
    score = api.get(f"/v1/mocks/{name}").json()
    assert (score["fidelity"]["exchanges"], score["fidelity"]["covered"]) == (151, 150)
    told = {
        (row["code"], row["stub"] or row["operation"], row["pointer"]): row
        for row in score["findings"]
    }
    assert set(told) == {
        ("stale", "an order", "/old"),
        ("type_drift", "an order", "/total"),
        ("outside_matchers", "an order", "/currency"),
        ("latency_drift", "an order", ""),
        ("status_never_mocked", "GET /orders/{id}", ""),
        ("missing", "GET /items/{id}", ""),
        ("dead", "somebody's order", ""),
        ("dead", "gone", ""),
    }
    never = told["status_never_mocked", "GET /orders/{id}", ""]
    assert (never["status"], never["exchanges"], never["of"], never["gap"]) == (429, 3, 150, False)
    assert never["text"].startswith("The real one answers 429 in 3 of 150 (2 %, in 2.0)")
    assert told["stale", "an order", "/old"]["exchanges"] == 147
    assert told["stale", "an order", "/old"]["lower"] > 0.97
    more = told["outside_matchers", "an order", "/currency"]  # text or null, and always there
    assert (more["actual"], more["exchanges"], more["gap"]) == ("null|string", 147, False)
    assert told["dead", "gone", ""]["gap"]
    assert [one["score"] for one in score["fidelity"]["stubs"]] == [0.0, None, None]
    assert "Grace" not in json.dumps(score)

    assert live(There(api), [name], 7, None, form="junit", strict=False) == 1
    assert '<failure message="orders-wiremock: an order: ' in capsys.readouterr().out
    page = api.get(f"/contracts/{name}").text
    assert "<strong>drifted</strong>" in page
    assert "The real one answers 429 in 3 of 150" in page

    # what is brought up to date is faithful but for what no stub says
    assert refreshed(There(api), name, 7, tmp_path / "fresh.json") == 0
    assert "left: GET /orders/{id}: status_never_mocked" in capsys.readouterr().err
    fresh = json.loads((tmp_path / "fresh.json").read_text())
    answer = fresh["mappings"][0]["response"]
    assert answer["jsonBody"] == {"id": 1, "total": "text", "currency": "text"}
    assert 80 < answer["fixedDelayMilliseconds"] < 100
    fresh["mappings"].append(
        {
            "request": fresh["mappings"][0]["request"],
            "response": {"status": 429, "jsonBody": {"error": "x"}},
        }
    )
    mock(api, fresh, effective_from=(NOON - timedelta(minutes=40)).isoformat())
    assert live(There(api), [], 7, None, form="text", strict=False) == 2  # nothing met it yet
    seen(
        api,
        *(order(at) for at in range(40)),
        *(order(at, **slow) for at in range(3)),
        ago=timedelta(minutes=30),
    )
    assert live(There(api), [], 7, None, form="text", strict=False) == 0
    assert live(There(api), [], 7, None, form="text", strict=True) == 1  # stubs that are dead
