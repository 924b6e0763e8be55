"""Slack by incoming webhook, in Block Kit; every foreign word as plain text."""

from dataclasses import dataclass, field

import orjson

from monitor.alerts.wire import Post, cleaned, judge_reply, secret_parts
from monitor.model.alerts import Alert

# https://docs.slack.dev/reference/block-kit/blocks
HEADER_LENGTH = 150
TEXT_LENGTH = 3000
FIELD_LENGTH = 2000
FIELDS = 10
URL_LENGTH = 3000
# https://docs.slack.dev/messaging/formatting-message-text#escaping
ESCAPES = {"&": "&amp;", "<": "&lt;", ">": "&gt;"}


@dataclass(frozen=True, slots=True)
class SlackSender:
    """A channel. Its URL is the secret: it appears in no error."""

    name: str
    url: str = field(repr=False)
    post: Post = field(repr=False)
    resend_seconds: float | None = None

    def send(self, alert: Alert) -> None:
        """One message a state: Slack's webhooks cannot change an earlier one."""
        body = orjson.dumps(message(alert))
        reply = self.post(self.url, {"Content-Type": "application/json"}, body)
        judge_reply(reply, f"Slack receiver {self.name}", secret_parts(self.url))


def message(alert: Alert) -> dict[str, object]:
    """The message's JSON."""
    title = f"{'Resolved' if alert.state == 'resolved' else alert.severity.capitalize()}: {alert.summary}"
    shown = {"environment": alert.environment, "service": alert.service, **alert.details}
    pairs = [f"{name}: {value}" for name, value in shown.items() if value]
    blocks: list[dict[str, object]] = [
        {"type": "header", "text": _plain(title, HEADER_LENGTH)},
        {
            "type": "section",
            "text": _plain(
                alert.annotations.get("description") or alert.summary or "-", TEXT_LENGTH
            ),
        },
        {
            "type": "section",
            "fields": [_plain(pair, FIELD_LENGTH) for pair in pairs[:FIELDS]]
            or [_plain("-", FIELD_LENGTH)],
        },
    ]
    if alert.link and len(alert.link) <= URL_LENGTH:
        button = {
            "type": "button",
            "text": _plain("Open in Seamwatch", 75),
            "url": alert.link,
            "action_id": "open",
        }
        blocks.append({"type": "actions", "elements": [button]})
    return {
        "text": escaped(title, TEXT_LENGTH),
        "mrkdwn": False,
        "unfurl_links": False,
        "unfurl_media": False,
        "blocks": blocks,
    }


def escaped(text: str, length: int) -> str:
    """Foreign text with & < > escaped, at most `length` long and never cut inside an escape."""
    parts: list[str] = []
    left = length
    for line in text.split("\n"):
        for mark in cleaned(line) if not parts else "\n" + cleaned(line):
            part = ESCAPES.get(mark, mark)
            if len(part) > left:
                return "".join(parts)
            parts.append(part)
            left -= len(part)
    return "".join(parts)


def _plain(text: str, length: int) -> dict[str, object]:
    return {"type": "plain_text", "text": escaped(text, length) or "-", "emoji": False}
