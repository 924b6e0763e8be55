"""Times over the API and on the page: published, then held against sealed windows."""

import json
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pytest

from monitor.cli.contract_times import document_of
from monitor.joining.timing_events import TimingWatch
from tests.contracts.test_timing import FAST, SLOW
from tests.detect.traffic import Behaviour, cell, edge
from tests.fixtures.api import LOCAL_TOKEN, Asked
from tests.fixtures.shop_day import NOON
from tests.pipelines.written import write_cells


def publish(api: Asked, **more: object) -> dict[str, object]:
    body = {"provider": "payment", "consumer": "checkout", "document": document_of("", "2s", ["p99=300ms"]), "name": "t"} | more
    said = api.post("/v1/contracts", body, LOCAL_TOKEN)
    assert said.status_code == 201, said.text
    found: dict[str, object] = said.json()
    return found


def test_a_timeout_is_published_and_judged_on_sealed_windows(api: Asked) -> None:
    assert (publish(api)["format"], api.get("/v1/timing?service=payment").json()["verdicts"]) == ("timing", [])
    held = cell(0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1))
    old = replace(held, window=NOON - timedelta(minutes=20), callee_version="1.0.0", server_histogram=FAST)
    new = replace(held, window=NOON - timedelta(minutes=10), callee_version="2.0.0", server_histogram=SLOW)
    write_cells(api.parts.store, [old, new])
    found = api.get("/v1/timing?service=payment").json()
    told = [(one["version"], one["quantile"], one["word"], one["since_version"]) for one in found["verdicts"]]
    assert told[0] == ("2.0.0", None, "broken", "2.0.0")
    assert ("1.0.0", None, "kept", "") in told
    assert found["verdicts"][0]["reason"]["code"] == "timeout_too_short"
    assert "exceeds checkout's timeout of 2 s (since payment 2.0.0" in found["verdicts"][0]["reason"]["text"]
    assert "exceeds checkout" in api.get("/matrix?service=payment").text
    assert api.get("/v1/timing?service=payment&environment=nowhere").json()["verdicts"] == []
    changed = publish(api, document=document_of("", "1s", ["p99=300ms"]))
    assert [(one["rule"], one["direction"], one["was"], one["now"]) for one in changed["changes"]] == [  # type: ignore[attr-defined]
        ("timeout", "tighter", "2 s", "1 s")
    ]


def test_what_is_not_sealed_is_not_judged(api: Asked) -> None:
    publish(api)
    held = cell(0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1))
    write_cells(api.parts.store, [replace(held, window=NOON - timedelta(minutes=1), server_histogram=SLOW)], sealed=False)
    assert api.get("/v1/timing?service=payment").json()["verdicts"] == []


@pytest.mark.parametrize("document", ["{}", '{"x-seamwatch-timing": {"timeout": 2}}'])
def test_what_tells_no_time_is_refused(api: Asked, document: str) -> None:
    said = api.post("/v1/contracts", {"provider": "payment", "document": document, "format": "timing"}, LOCAL_TOKEN)
    assert said.status_code == 422
    assert json.loads(said.text)["error"]["do"]


def test_a_broken_time_is_a_violation_once_an_hour(api: Asked) -> None:
    publish(api)
    held = cell(0, edge("checkout", "payment"), "1", "1", 10, Behaviour(), np.random.default_rng(1))
    old = replace(held, window=NOON - timedelta(minutes=20), callee_version="1.0.0", server_histogram=FAST)
    new = replace(held, window=NOON - timedelta(minutes=10), callee_version="2.0.0", server_histogram=SLOW)
    write_cells(api.parts.store, [old, new])
    for _ in range(2):
        watch = TimingWatch(api.parts.reader, api.parts.engine, api.parts.store, api.parts.config.aliases)
        assert watch.step() == 1
        assert watch.step() == 0  # nothing was sealed since
    (found,) = api.get("/v1/violations?since=24h").json()
    assert [found[word] for word in ("contract", "rule", "expected", "caller", "callee", "operation", "exchanges")] == [
        "t", "timeout", "at most 2 s", "checkout", "payment", "POST /pay", 1,
    ]  # fmt: skip
    assert [one["callee_version"] for one in found["by_version_pair"]] == ["2.0.0"]
