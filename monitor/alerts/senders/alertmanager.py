"""Alertmanager by its API v2: firing alerts again and again, a resolve with the start it began
with.
"""

import base64
from dataclasses import dataclass, field
from datetime import timedelta

import orjson

from monitor.alerts.wire import Post, judge_reply
from monitor.model.alerts import Alert

# Alertmanager drops what is not sent again within resolve_timeout, 5 minutes by default:
# https://prometheus.io/docs/alerting/latest/configuration/
RESEND_SECONDS = 60.0


@dataclass(frozen=True, slots=True)
class AlertmanagerSender:
    """One Alertmanager. It knows an alert by its labels, which stay as they were when it fired."""

    name: str
    url: str
    post: Post = field(repr=False)
    username: str = ""
    secret: str = field(default="", repr=False)
    resend_seconds: float | None = RESEND_SECONDS

    def send(self, alert: Alert) -> None:
        """POST the alert; a resolved one carries its end. Basic authorization with a user name,
        bearer without.
        """
        body: dict[str, object] = {
            "labels": {
                **{name: value for name, value in alert.labels.items() if value},
                "seamwatch_key": alert.key,
            },
            "annotations": {name: value for name, value in alert.annotations.items() if value},
            "startsAt": alert.started,
        }
        if alert.link:
            body["generatorURL"] = alert.link
        if alert.state == "resolved":  # an end that is not after the start is refused with 400
            body["endsAt"] = max(
                alert.ended or alert.started, alert.started + timedelta(seconds=1)
            )
        headers = {"Content-Type": "application/json", **self._authorization()}
        reply = self.post(
            self.url.rstrip("/") + "/api/v2/alerts",
            headers,
            orjson.dumps([body], option=orjson.OPT_UTC_Z),
        )
        judge_reply(reply, f"Alertmanager receiver {self.name}", [self.secret])

    def _authorization(self) -> dict[str, str]:
        if not self.secret:
            return {}
        if not self.username:
            return {"Authorization": f"Bearer {self.secret}"}
        pair = base64.b64encode(f"{self.username}:{self.secret}".encode()).decode()
        return {"Authorization": f"Basic {pair}"}
