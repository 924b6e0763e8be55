"""PagerDuty by Events API v2: trigger, resolve, and change events."""

from dataclasses import dataclass, field

import orjson

from monitor.alerts.wire import Post, cleaned, judge_reply
from monitor.model.alerts import Alert
from monitor.model.deploys import Deploy

HOST = "https://events.pagerduty.com"
# https://developer.pagerduty.com/docs/send-alert-event
DEDUP_KEY_LENGTH = 255
SUMMARY_LENGTH = 1024
SOURCE_LENGTH = 255
# ours: an event may hold 512 KB, https://developer.pagerduty.com/docs/events-api-v2-overview
DETAIL_LENGTH = 1024


@dataclass(frozen=True, slots=True)
class PagerDutySender:
    """An integration of a PagerDuty service. `dedup_key` is the alert's key: sent twice it is
    still one incident.
    """

    name: str
    routing_key: str = field(repr=False)
    post: Post = field(repr=False)
    url: str = HOST
    resend_seconds: float | None = None

    def send(self, alert: Alert) -> None:
        """Trigger while firing, resolve when resolved."""
        event: dict[str, object] = {
            "routing_key": self.routing_key,
            "event_action": "resolve" if alert.state == "resolved" else "trigger",
            "dedup_key": alert.key[:DEDUP_KEY_LENGTH],
        }
        if alert.state != "resolved":
            event["payload"] = {
                "summary": _text(alert.summary, SUMMARY_LENGTH) or "Seamwatch alert",
                "source": _text(alert.environment, SOURCE_LENGTH) or "seamwatch",
                "severity": alert.severity,
                "timestamp": alert.started.isoformat(),
                "component": _text(alert.service, SOURCE_LENGTH),
                "group": _text(alert.deploy_id, SOURCE_LENGTH),
                "class": _text(alert.labels.get("signal", ""), SOURCE_LENGTH),
                "custom_details": {
                    name: _text(value, DETAIL_LENGTH)
                    for name, value in {**alert.details, **alert.annotations}.items()
                },
            }
            event["client"] = "Seamwatch"
            if alert.link:
                event["client_url"] = alert.link
        self._enqueue("/v2/enqueue", event)

    def send_change(self, deploy: Deploy) -> None:
        """A change event, https://developer.pagerduty.com/docs/send-change-event. It opens no
        incident.
        """
        event: dict[str, object] = {
            "routing_key": self.routing_key,
            "payload": {
                "summary": _text(
                    f"{deploy.kind} of {deploy.service} {deploy.version} in {deploy.environment}",
                    SUMMARY_LENGTH,
                ),
                "source": "seamwatch",
                "timestamp": deploy.started.isoformat(),
                "custom_details": {
                    "deploy": deploy.id,
                    "version": _text(deploy.version, DETAIL_LENGTH),
                    "previous_version": _text(deploy.previous_version, DETAIL_LENGTH),
                    "commit": _text(deploy.commit, DETAIL_LENGTH),
                    "actor": _text(deploy.actor, DETAIL_LENGTH),
                },
            },
        }
        self._enqueue("/v2/change/enqueue", event)

    def _enqueue(self, path: str, event: dict[str, object]) -> None:
        base = self.url.rstrip("/").removesuffix("/v2/enqueue")
        reply = self.post(base + path, {"Content-Type": "application/json"}, orjson.dumps(event))
        judge_reply(reply, f"PagerDuty receiver {self.name}", [self.routing_key])


def _text(text: str, length: int) -> str:
    return cleaned(text)[:length]
