"""A real Alertmanager takes what we send: it pages once, keeps one alert over repeats, and
resolves it.
"""

import json
import time
import urllib.request
from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest

from monitor.alerts.addresses import AddressRules
from monitor.alerts.receivers import make_sender
from monitor.model.alerts import Alert
from tests.fixtures.receiver import HttpReceiver


def active(url: str) -> list[Any]:
    with urllib.request.urlopen(url + "/api/v2/alerts?active=true", timeout=5) as answer:
        alerts: list[Any] = json.load(answer)
        return alerts


def until(fact: Callable[[], bool], what: str) -> None:
    deadline = time.monotonic() + 120
    while not fact():
        assert time.monotonic() < deadline, f"waited 30 s until {what}"
        time.sleep(0.1)


@pytest.mark.slow
def test_an_alert_fires_and_is_resolved_in_a_real_alertmanager(
    alertmanager: str, http_receiver: HttpReceiver
) -> None:
    sender = make_sender("am", "alertmanager", url=alertmanager, rules=AddressRules(["127.0.0.1"]))
    labels = {
        "alertname": "SeamwatchRegression",
        "deploy_id": "d1",
        "operation": 'POST /pay <script>"\\\n',
        "empty": "",
    }
    firing = Alert(
        "seamwatch-1",
        "firing",
        "error",
        "s",
        "production",
        "payment",
        "d1",
        labels,
        {"summary": "amount"},
        datetime.now(UTC),
        revision=2,
    )
    sender.send(firing)
    sender.send(firing)
    until(lambda: len(active(alertmanager)) == 1, "the alert is active")
    assert active(alertmanager)[0]["labels"]["seamwatch_key"] == "seamwatch-1"
    until(lambda: len(http_receiver.taken) == 1, "it pages once")
    sender.send(replace(firing, state="resolved", ended=datetime.now(UTC), revision=3))
    until(lambda: active(alertmanager) == [], "the alert is no longer active")
    until(lambda: len(http_receiver.taken) == 2, "the end is passed on")
    assert [taken.body["status"] for taken in http_receiver.taken] == ["firing", "resolved"]
