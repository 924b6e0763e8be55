"""Any program by a signed webhook, as Standard Webhooks says."""

import base64
import binascii
from dataclasses import dataclass, field

import orjson
from standardwebhooks import Webhook

from monitor.alerts.wire import Post, judge_reply, secret_parts
from monitor.clock import Clock, system_clock
from monitor.errors import ConfigError
from monitor.model.alerts import Alert

PREFIX = "whsec_"
LEAST_SECRET_BYTES = 16


@dataclass(frozen=True, slots=True)
class WebhookSender:
    """A URL that gets JSON with webhook-id, webhook-timestamp and webhook-signature
    (https://www.standardwebhooks.com).

    Several secrets give several signatures, so that a receiver may change its own at leisure. The
    webhook-id is the same when an alert's state is sent again: a receiver that remembers ids sees
    each state once.
    """

    name: str
    url: str = field(repr=False)
    secrets: tuple[str, ...] = field(repr=False)
    post: Post = field(repr=False)
    clock: Clock = system_clock
    resend_seconds: float | None = None

    def __post_init__(self) -> None:
        """ConfigError for a missing or unfit secret, without showing it."""
        if not self.secrets or not all(map(_fit, self.secrets)):
            raise ConfigError(
                f"the webhook receiver {self.name} needs a secret like whsec_<base64 of {LEAST_SECRET_BYTES} bytes or more>; "
                "make one with: python3 -c \"import base64,secrets; print('whsec_' + base64.b64encode(secrets.token_bytes(32)).decode())\""
            )

    def send(self, alert: Alert) -> None:
        """POST `{type, timestamp, data}`; `type` is alert.firing or alert.resolved."""
        now = self.clock()
        text = orjson.dumps(
            {"type": f"alert.{alert.state}", "timestamp": now, "data": alert},
            option=orjson.OPT_UTC_Z,
        ).decode()
        event_id = f"{alert.key}.{alert.revision}"
        headers = {
            "Content-Type": "application/json",
            "webhook-id": event_id,
            "webhook-timestamp": str(int(now.timestamp())),
            "webhook-signature": " ".join(
                Webhook(secret).sign(event_id, now, text) for secret in self.secrets
            ),
        }
        judge_reply(
            self.post(self.url, headers, text.encode()),
            f"webhook receiver {self.name}",
            [*secret_parts(self.url), *self.secrets],
        )


def _fit(secret: str) -> bool:
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except (binascii.Error, ValueError):
        return False
    return secret.startswith(PREFIX) and len(key) >= LEAST_SECRET_BYTES
