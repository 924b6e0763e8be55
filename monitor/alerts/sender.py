"""What every receiver of alerts looks like from our side."""

from typing import Protocol

from monitor.model.alerts import Alert
from monitor.model.deploys import Deploy


class Sender(Protocol):
    """One receiver. Safe between threads. `resend_seconds`: how often it wants a firing alert
    again, None for once.
    """

    @property
    def name(self) -> str:
        """The receiver's name in the settings."""
        ...

    @property
    def resend_seconds(self) -> float | None:
        """How often a firing alert is sent again; None: once."""
        ...

    def send(self, alert: Alert) -> None:
        """Deliver the alert's state. The same alert and revision may be sent again: it stays one
        incident.

        Returns when the receiver took it. Raises ReceiverBusy (try again, perhaps after a while)
        or ReceiverRefused.
        """
        ...


class ChangeSender(Protocol):
    """A receiver that also wants to know of deploys."""

    def send_change(self, deploy: Deploy) -> None:
        """Tell of a deploy. Errors as for `Sender.send`."""
        ...
