"""Receivers as the settings name them, made into senders."""

from monitor.alerts.addresses import AddressRules
from monitor.alerts.sender import Sender
from monitor.alerts.senders.alertmanager import AlertmanagerSender
from monitor.alerts.senders.pagerduty import HOST, PagerDutySender
from monitor.alerts.senders.slack import SlackSender
from monitor.alerts.senders.webhook import WebhookSender
from monitor.alerts.wire import GuardedPost
from monitor.errors import ConfigError

KINDS = ("pagerduty", "slack", "webhook", "alertmanager")


def make_sender(
    name: str,
    kind: str,
    *,
    url: str = "",
    secret: str = "",
    username: str = "",
    rules: AddressRules,
) -> Sender:
    """A sender for one receiver. ConfigError when something is missing or its URL cannot work; no
    name is resolved yet.

    `secret`: PagerDuty's routing key; Slack's webhook URL (or give it as `url`); the webhook's
    signing secrets, the newest first, with spaces between; Alertmanager's password or bearer
    token.
    """
    post = GuardedPost(rules)
    if kind == "pagerduty":
        _needed(name, "secret", secret, "the routing key of an Events API v2 integration")
        rules.target(url or HOST)
        return PagerDutySender(name, secret, post, url or HOST)
    if kind == "slack":
        _needed(name, "secret", secret or url, "the URL of an incoming webhook")
        rules.target(secret or url)
        return SlackSender(name, secret or url, post)
    if kind not in KINDS:
        raise ConfigError(
            f"the receiver {name} is of kind {kind!r}; use one of {', '.join(KINDS)}"
        )
    _needed(name, "url", url, "where to send alerts")
    rules.target(url)
    if kind == "webhook":
        return WebhookSender(name, url, tuple(secret.split()), post)
    return AlertmanagerSender(name, url, post, username, secret)


def _needed(name: str, setting: str, value: str, what: str) -> None:
    if not value:
        raise ConfigError(
            f"the receiver {name} has no {setting}: {what}; set notify.receivers.{name}.{setting}"
        )
