"""Who is told of alerts and how, from settings."""

from monitor.alerts.addresses import AddressRules
from monitor.alerts.lifecycle import LifecycleSettings
from monitor.alerts.receivers import make_sender
from monitor.alerts.sender import Sender
from monitor.cli.assembly import NOTIFIER, House
from monitor.config import Settings
from monitor.joining.alerting import NotifySettings
from pipelines.notify import run_notify


def notify(parts: House, address: str) -> None:
    """Tell receivers until `parts.stop` is set; `address` is for links where no public one is
    set.
    """
    run_notify(
        parts.engine,
        senders(parts.settings),
        notifying(parts.settings, parts.settings.api.public_url or address),
        turn=parts.turn(NOTIFIER),
        stop=parts.stop,
        board=parts.board,
        clock=parts.clock,
    )


def senders(settings: Settings) -> dict[str, Sender]:
    """Receivers by name."""
    return {name: sender_of(settings, name) for name in settings.notify.receivers}


def sender_of(settings: Settings, name: str) -> Sender:
    """The receiver of this name. ConfigError where it cannot be made."""
    notify, receiver = settings.notify, settings.notify.receivers[name]
    return make_sender(
        name,
        receiver.kind,
        url=receiver.url,
        secret=receiver.secret_text(),
        username=receiver.username,
        rules=AddressRules(notify.allow),
    )


def notifying(settings: Settings, link_base: str) -> NotifySettings:
    """Whether and how receivers are told."""
    notify = settings.notify
    life = LifecycleSettings(
        hold_seconds=notify.group_seconds,
        page_e_value=1.0 / settings.detection.page_alpha,
        link_base=link_base,
    )
    teams = {name: receiver.teams for name, receiver in notify.receivers.items() if receiver.teams}
    return NotifySettings(enabled=notify.enabled, lifecycle=life, teams=teams)
