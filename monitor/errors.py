"""What can go wrong, as a tree.

MonitorError ├── ConfigError      a setting is unknown, missing or contradicts another (exit 64)
├── UsageError       a command was called in a way that cannot work (exit 64) ├── StoreError
ClickHouse, chDB or the control store ├── SourceError      Kafka or a file to replay ├──
NotifyError      a receiver of alerts ├── ContractError    a contract that cannot be read, is too
large or reaches out to the network └── RejectLimit      too large a share of the input cannot be
read: stop loudly, do not drain the topic

Two mixins tell a caller what to do next: Transient (try the same again) and Permanent (the same
input fails again).
"""


class MonitorError(Exception):
    """Base of all errors of ours. The text says what, where, and what to do."""


class Transient:
    """Mixin: the same call may succeed later."""


class Permanent:
    """Mixin: the same call fails again."""


class ConfigError(MonitorError, Permanent):
    """A setting is unknown, missing or contradicts another."""


class UsageError(MonitorError, Permanent):
    """A command was called in a way that cannot work."""


class StoreError(MonitorError):
    """A store refused, is locked, newer than this program or not reachable."""


class StoreUnavailable(StoreError, Transient):
    """The store does not answer now; the write or read may be tried again."""


class LeaseLost(StoreUnavailable):
    """Another process holds, or has held, the lease that this work was done under: nothing of it
    is written.
    """


class SourceError(MonitorError):
    """A topic, broker or file cannot be read."""


class SourceUnavailable(SourceError, Transient):
    """The broker does not answer or the topic does not exist (yet)."""


class TopicMissing(SourceUnavailable):
    """The broker answers, and has no such topic (yet)."""


class NotifyError(MonitorError):
    """A receiver did not take an alert."""


class ReceiverBusy(NotifyError, Transient):
    """5xx, 429, a timeout or a lost connection; `retry_after_seconds` when the
    receiver said so.
    """

    def __init__(self, text: str, retry_after_seconds: float | None = None) -> None:
        super().__init__(text)
        self.retry_after_seconds = retry_after_seconds


class ReceiverRefused(NotifyError, Permanent):
    """The receiver refused this alert (4xx). Not `final`: it refuses every alert until somebody
    corrects its address, key or rights.
    """

    def __init__(self, text: str, *, final: bool = True) -> None:
        super().__init__(text)
        self.final = final


class ContractError(MonitorError, Permanent):
    """A contract cannot be read, is over a budget, or reaches out to the network. `pointer`: the
    place in it, when that is known.
    """

    def __init__(self, text: str, pointer: str | None = None) -> None:
        super().__init__(text)
        self.pointer = pointer


class RejectLimit(MonitorError, Permanent):
    """More of the input is unreadable than the limit allows; reading stopped, offsets stand."""


UNFORESEEN = (TypeError, ValueError, LookupError, AttributeError, ArithmeticError, RecursionError)
"""What input that nobody thought of may raise in code of ours. Whoever reads what others wrote
takes it for a fault of that one input, and counts it: an input that raises each time it is read
ends all reading.
"""
