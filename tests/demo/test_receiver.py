"""The demo's receiver of alerts takes what senders send and shows it."""

from collections.abc import Iterator

import httpx
import pytest

from monitor.demo.receiver import AlertReceiver


@pytest.fixture
def receiver() -> Iterator[AlertReceiver]:
    started = AlertReceiver()
    yield started
    started.close()


def test_a_pagerduty_event_is_accepted_and_shown(receiver: AlertReceiver) -> None:
    event = {
        "event_action": "trigger",
        "dedup_key": "k1",
        "payload": {"summary": "payment <2.0.0> breaks checkout"},
    }
    with httpx.Client(base_url=receiver.url, trust_env=False) as client:
        answer = client.post("/v2/enqueue", json=event)
        page = client.get("/").text
        shown = client.get("/received").json()
    assert (answer.status_code, answer.json()["dedup_key"]) == (202, "k1")
    assert "trigger payment &lt;2.0.0&gt; breaks checkout" in page
    assert [(each["path"], each["body"]) for each in shown] == [("/v2/enqueue", event)]
    assert [each.body for each in receiver.received()] == [event]


def test_what_is_not_json_is_refused(receiver: AlertReceiver) -> None:
    with httpx.Client(base_url=receiver.url, trust_env=False) as client:
        assert client.post("/webhook", content=b"not json").status_code == 400
    assert receiver.received() == []
