"""A receiver in memory: the local twin of the real ones, for tests and trials."""

from collections.abc import Callable
from dataclasses import dataclass, field

from monitor.model.alerts import Alert


@dataclass(frozen=True, slots=True)
class ListSender:
    """Keeps what it is sent in `taken`. `answer` is asked first and may raise what a real receiver
    raises.
    """

    name: str = "list"
    answer: Callable[[Alert], None] = lambda _alert: None
    resend_seconds: float | None = None
    taken: list[Alert] = field(default_factory=list)

    def send(self, alert: Alert) -> None:
        """Keep the alert, unless `answer` raises."""
        self.answer(alert)
        self.taken.append(alert)
