"""What each receiver is sent: within its vendor's limits, harmless whatever names hold, and
without secrets in sight.
"""

import base64
import json
import logging
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from standardwebhooks import Webhook, WebhookVerificationError

from monitor.alerts.addresses import AddressRules
from monitor.alerts.receivers import KINDS, make_sender
from monitor.alerts.senders.alertmanager import AlertmanagerSender
from monitor.alerts.senders.pagerduty import PagerDutySender
from monitor.alerts.senders.slack import SlackSender, escaped, message
from monitor.alerts.senders.webhook import WebhookSender
from monitor.alerts.wire import Reply
from monitor.errors import ConfigError, ReceiverRefused
from monitor.model.alerts import Alert
from monitor.model.deploys import Deploy
from tests.fixtures.receiver import HttpReceiver, answering

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
SECRET = "whsec_" + base64.b64encode(b"a" * 32).decode()
OTHER = "whsec_" + base64.b64encode(b"b" * 32).decode()
HOSTILE = "<!channel> & <https://evil.example|click> *bold* \u202e\x1b[31m\n\r`code`" + "x" * 5000
ALERT = Alert(
    "seamwatch-1",
    "firing",
    "error",
    "checkout → payment POST /pay: violations since payment 2.0.0",
    "production",
    "payment",
    "d1",
    {"alertname": "SeamwatchRegression", "signal": "violations", "service": "payment"},
    {"summary": "amount became a string", "description": "- amount became a string"},
    NOON,
    link="https://watch.example/findings/f1",
    finding_ids=("f1",),
    revision=2,
    details={"clause": "/amount"},
)
RESOLVED = replace(ALERT, state="resolved", ended=NOON + timedelta(minutes=5), revision=3)
WILD = replace(
    ALERT,
    summary=HOSTILE,
    service=HOSTILE,
    environment=HOSTILE,
    annotations={"description": HOSTILE},
    details={"clause": HOSTILE},
    key="k" * 400,
)


@dataclass
class Wire:
    """A `Post` that keeps what is sent."""

    sent: list[tuple[str, Mapping[str, str], bytes]] = field(default_factory=list)
    status: int = 202

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Reply:
        self.sent.append((url, headers, body))
        return Reply(self.status, {}, b"no: " + url.encode())

    @property
    def last(self) -> Any:
        return json.loads(self.sent[-1][2])


def test_pagerduty_triggers_and_resolves_under_one_dedup_key() -> None:
    wire = Wire()
    sender = PagerDutySender("ops", "R" * 32, wire)
    sender.send(ALERT)
    assert wire.sent[-1][0] == "https://events.pagerduty.com/v2/enqueue"
    assert (wire.last["event_action"], wire.last["dedup_key"], wire.last["routing_key"]) == (
        "trigger",
        ALERT.key,
        "R" * 32,
    )
    assert wire.last["payload"]["severity"] == "error"
    assert wire.last["payload"]["timestamp"] == "2026-03-01T12:00:00+00:00"
    assert wire.last["client_url"] == ALERT.link
    sender.send(RESOLVED)
    assert wire.last == {
        "routing_key": "R" * 32,
        "event_action": "resolve",
        "dedup_key": ALERT.key,
    }


def test_pagerduty_keeps_to_its_limits() -> None:
    wire = Wire()
    PagerDutySender("ops", "R" * 32, wire).send(WILD)
    assert len(wire.last["dedup_key"]) == 255
    assert len(wire.last["payload"]["summary"]) == 1024
    assert wire.last["payload"]["summary"].isprintable()
    assert len(wire.sent[-1][2]) < 512 * 1024


def test_pagerduty_is_told_of_the_deploy_as_a_change() -> None:
    wire = Wire()
    deploy = Deploy(
        "d1",
        "deploy",
        "production",
        "payment",
        "2.0.0",
        "1.9.0",
        "started",
        NOON,
        None,
        None,
        ("api",),
    )
    PagerDutySender("ops", "R" * 32, wire, url="https://eu.example/v2/enqueue").send_change(deploy)
    assert wire.sent[-1][0] == "https://eu.example/v2/change/enqueue"
    assert wire.last["payload"]["summary"] == "deploy of payment 2.0.0 in production"


def test_slack_gets_plain_text_only_escaped_and_within_limits() -> None:
    payload = message(WILD)
    blocks: Any = payload["blocks"]
    texts = [blocks[0]["text"], blocks[1]["text"], *blocks[2]["fields"]]
    assert all(text["type"] == "plain_text" for text in texts)
    assert len(blocks[0]["text"]["text"]) <= 150
    assert len(blocks[1]["text"]["text"]) <= 3000
    assert len(blocks) <= 50
    assert payload["mrkdwn"] is False
    everything = json.dumps(payload, ensure_ascii=False)
    assert "<" not in everything
    assert "\u202e" not in everything
    assert "\\u001b" not in everything


@pytest.mark.parametrize("length", range(12))
def test_slack_text_is_never_cut_inside_an_escape(length: int) -> None:
    cut = escaped("a<b>&c", length)
    assert len(cut) <= length
    assert "a&lt;b&gt;&amp;c".startswith(cut)
    assert cut.count("&") == cut.count(";")


def test_a_resolved_alert_says_so_in_slack() -> None:
    wire = Wire(status=200)
    SlackSender("ops", "https://hooks.slack.com/services/T/B/hush", wire).send(RESOLVED)
    assert wire.last["text"].startswith("Resolved: ")


def test_a_webhook_is_signed_with_every_secret_and_verifies_with_either() -> None:
    wire = Wire()
    now = datetime.now(UTC)
    WebhookSender("ops", "https://hook.example/x", (SECRET, OTHER), wire, clock=lambda: now).send(
        ALERT
    )
    _, headers, body = wire.sent[-1]
    for secret in (SECRET, OTHER):
        event = Webhook(secret).verify(body, dict(headers))
        assert event["type"] == "alert.firing"
        assert event["data"]["key"] == ALERT.key
    with pytest.raises(WebhookVerificationError):
        Webhook("whsec_" + base64.b64encode(b"c" * 32).decode()).verify(body, dict(headers))
    with pytest.raises(WebhookVerificationError):
        Webhook(SECRET).verify(body + b" ", dict(headers))


def test_a_webhook_sent_again_has_the_same_id() -> None:
    wire = Wire()
    sender = WebhookSender("ops", "https://hook.example/x", (SECRET,), wire)
    for alert in (ALERT, ALERT, RESOLVED):
        sender.send(alert)
    ids = [headers["webhook-id"] for _, headers, _ in wire.sent]
    assert ids == ["seamwatch-1.2", "seamwatch-1.2", "seamwatch-1.3"]


@pytest.mark.parametrize(
    "secrets", [(), ("plain",), ("whsec_!!!",), ("whsec_YQ==",), (SECRET, "whsec_")]
)
def test_a_webhook_without_a_fit_secret_is_refused(secrets: tuple[str, ...]) -> None:
    with pytest.raises(ConfigError) as refused:
        WebhookSender("ops", "https://hook.example/x", secrets, Wire())
    assert not any(
        secret in str(refused.value) for secret in secrets if len(secret) > len("whsec_")
    )


def test_alertmanager_gets_the_same_labels_and_start_with_the_end() -> None:
    wire = Wire(status=200)
    sender = AlertmanagerSender("am", "http://am.example:9093/", wire, "kim", "pw")
    sender.send(ALERT)
    (firing,) = wire.last
    assert wire.sent[-1][0] == "http://am.example:9093/api/v2/alerts"
    assert wire.sent[-1][1]["Authorization"] == "Basic " + base64.b64encode(b"kim:pw").decode()
    assert "endsAt" not in firing
    sender.send(RESOLVED)
    (resolved,) = wire.last
    assert (resolved["labels"], resolved["startsAt"]) == (firing["labels"], firing["startsAt"])
    assert resolved["endsAt"] > resolved["startsAt"]


def test_no_secret_is_in_a_repr_an_error_or_a_log(
    caplog: pytest.LogCaptureFixture, http_receiver: HttpReceiver
) -> None:
    caplog.set_level(logging.DEBUG)
    http_receiver.answer = answering(403, b"denied: hush-hush whsec_ /services/hush-hush")
    rules = AddressRules(["127.0.0.1"])
    made = [
        make_sender("pd", "pagerduty", url=http_receiver.url, secret="hush-hush", rules=rules),
        make_sender("sl", "slack", secret=http_receiver.url + "/services/hush-hush", rules=rules),
        make_sender(
            "wh",
            "webhook",
            url=http_receiver.url + "/services/hush-hush",
            secret=SECRET,
            rules=rules,
        ),
        make_sender("am", "alertmanager", url=http_receiver.url, secret="hush-hush", rules=rules),
    ]
    for sender in made:
        with pytest.raises(ReceiverRefused) as refused:
            sender.send(ALERT)
        shown = repr(sender) + str(refused.value) + repr(refused.value)
        assert "hush-hush" not in shown
        assert SECRET not in shown
    assert "hush-hush" not in caplog.text
    assert len(http_receiver.taken) == len(KINDS)


@pytest.mark.parametrize(
    "given",
    [
        {"kind": "pagerduty"},
        {"kind": "slack"},
        {"kind": "webhook", "secret": SECRET},
        {"kind": "alertmanager"},
        {"kind": "carrier-pigeon", "url": "https://x.example"},
        {"kind": "webhook", "url": "ftp://x.example", "secret": SECRET},
    ],
)
def test_a_receiver_that_cannot_work_is_refused_by_name(given: dict[str, str]) -> None:
    with pytest.raises(ConfigError):
        make_sender("ops", rules=AddressRules(), **given)
