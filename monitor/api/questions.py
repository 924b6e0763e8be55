"""The panels' questions asked of the store, with times that know their zone; and the range of time
a page looks at.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from contextvars import ContextVar
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from typing import Any, Literal

from monitor.api.formatting import utc
from monitor.api.moments import FIRST, is_age, moment
from monitor.api.parts import Parts
from monitor.model.edges import WINDOW_SECONDS, EdgeQuery
from monitor.model.services import split_service
from monitor.store.read_rows import rows_in_utc
from monitor.store.reader import Provider

Row = Mapping[str, Any]
RANGES = ("15m", "1h", "6h", "24h", "7d")
_BUCKETS = (10, 30, 60, 300, 900, 3600, 21600, 86400)
POINTS = 180
MOST_SERVICES = 50_000
ASKED_ALIKE_SECONDS = 2
FAILING = 0.05
"""The share of failed calls from which on an edge counts as failing; the panels sort by it too."""
# as far as a span may be ahead of its record: one wrong clock moves nobody's view
CLOCKS_AHEAD = timedelta(hours=1)
HOURLY_SECONDS = 12 * 3600
"""Ranges so long are shown by the hour, and begin with a whole one when asked for by an age."""
LIVE_SECONDS = 60
"""While the newest window is not older, a page's range is counted back from it: all who look at
one publication ask the same.
"""


@dataclass(frozen=True, slots=True)
class Range:
    """A half-open range of time, how a link names it, and the step in which charts show it."""

    since: datetime
    until: datetime
    text: str
    until_text: str
    moved: bool = False
    """True when nobody named a time and the data is not of now: the range ends where the data
    does.
    """

    @property
    def seconds(self) -> float:
        """Its length."""
        return (self.until - self.since).total_seconds()

    @property
    def bucket_seconds(self) -> int:
        """The smallest step that gives at most 180 points; whole hours where the range is long."""
        steps = [step for step in _BUCKETS if self.seconds < HOURLY_SECONDS or step >= 3600]
        return next((step for step in steps if self.seconds / step <= POINTS), _BUCKETS[-1])


def provider_named(
    parts: Parts, service: str, environment: str | None, consumer: str | None = None
) -> tuple[str, Provider]:
    """A service's canonical name, and whose exchanges it has, under its short name, too."""
    aliases = parts.config.aliases
    named = aliases.service(service)
    short, namespace = split_service(named)
    return named, Provider(
        sorted({short, named}, key=len),
        namespace,
        aliases.environment(environment) if environment else "",
        aliases.service(consumer) if consumer else "",
    )


def range_of(since: str | None, until: str | None, now: datetime, default: str = "1h") -> Range:
    """The range a page asks for. `since` as an age counts back from `until`. Raises
    ApiError 422.
    """
    end = moment(until, now) or _soon(now)
    text = since or default
    start = moment(text, end) or end - timedelta(hours=1)
    if is_age(text) and end - start >= timedelta(seconds=HOURLY_SECONDS):
        start = start.replace(minute=0, second=0, microsecond=0)
    return Range(
        max(FIRST, min(start, end - timedelta(seconds=WINDOW_SECONDS))), end, text, until or ""
    )


def _soon(now: datetime) -> datetime:
    """One to three seconds ahead, the same for all who ask within two: those who ask alike then
    share one answer.
    """
    return datetime.fromtimestamp(
        now.timestamp() // ASKED_ALIKE_SECONDS * ASKED_ALIKE_SECONDS + ASKED_ALIKE_SECONDS + 1, UTC
    )


def data_range(parts: Parts, since: str | None, until: str | None, default: str = "1h") -> Range:
    """As `range_of`; who names no time gets the last `default` that the data has: recordings may
    be of long ago, or of tomorrow.
    """
    now = parts.clock()
    asked = range_of(since, until, now, default)
    newest = None if until or not is_age(since or default) else windows_state(parts).last_closed
    if newest is not None and 0 <= (now - newest).total_seconds() - WINDOW_SECONDS < LIVE_SECONDS:
        counted = range_of(
            since, (newest + timedelta(seconds=WINDOW_SECONDS)).isoformat(), now, default
        )
        return replace(asked, since=counted.since)
    if since or newest is None or asked.since <= newest < asked.until:
        return asked
    end = newest + timedelta(seconds=WINDOW_SECONDS)
    if asked.until <= newest < asked.until + CLOCKS_AHEAD:
        return replace(asked, until=end)
    moved = range_of(None, end.isoformat(), now, default)
    return replace(moved, moved=True)


_asked: ContextVar[dict[object, Sequence["Row"]] | None] = ContextVar(
    "what a page has asked", default=None
)


def ask_each_once() -> None:
    """From now on, in this context, the same question is asked once: all of a page is of one
    moment, and costs fewer looks.
    """
    _asked.set({})


def ask(parts: Parts, panel: str, **parameters: object) -> Sequence[Row]:
    """Rows of one panel; every time aware, in UTC. Raises StoreError, StoreUnavailable."""
    answers, question = _asked.get(), (panel, repr(sorted(parameters.items())))
    if answers is not None and question in answers:
        return answers[question]
    rows = rows_in_utc(parts.store.query(f"panels/{panel}", parameters))
    if answers is not None:
        answers[question] = rows
    return rows


def glance(parts: Parts, panel: str, **parameters: object) -> Sequence[Row]:
    """As `ask`, for probes: however busy the store's readers are, and for 2 s at most."""
    return rows_in_utc(parts.store.glance(f"panels/{panel}", parameters))


Asking = Callable[..., Sequence[Row]]
"""`ask` or `glance`."""


@dataclass(frozen=True, slots=True)
class Listed:
    """Some rows of a list, and how many there are in all."""

    rows: Sequence[Row]
    total: int


def listed(
    parts: Parts, panel: str, limit: int, offset: int = 0, /, **parameters: object
) -> Listed:
    """A page of a panel that counts its rows. Raises StoreError, StoreUnavailable."""
    rows = ask(parts, panel, limit=limit, offset=offset, **parameters)
    if rows or not offset:
        return Listed(rows, int(rows[0]["in_all"]) if rows else 0)
    # past the end, no row is there to tell the count
    first = ask(parts, panel, limit=1, offset=0, **parameters)
    return Listed((), int(first[0]["in_all"]) if first else 0)


def listed_in(
    parts: Parts, panel: str, asked: Range, limit: int, offset: int = 0, /, **wanted: str | None
) -> Listed:
    """As `listed`, in a range of time and of what is `wanted`: None is any."""
    chosen = {name: value or "" for name, value in wanted.items()}
    return listed(parts, panel, limit, offset, since=asked.since, until=asked.until, **chosen)


def broken_clauses(
    parts: Parts,
    asked: Range,
    limit: int,
    offset: int = 0,
    *,
    environment: str | None = None,
    caller: str | None = None,
    callee: str | None = None,
    operation: str | None = None,
    contract: str | None = None,
) -> Listed:
    """Clauses that live exchanges break, the newest first."""
    wanted = {
        "environment": environment,
        "caller": caller,
        "callee": callee,
        "operation": operation,
        "contract": contract,
    }
    return listed_in(parts, "violations_by_fingerprint", asked, limit, offset, **wanted)


@dataclass(frozen=True, slots=True)
class CheckedCounts:
    """What became of exchanges in a range of time: `conformance` of closed windows, by verdict and
    reason, two logs of one call once. `broken` exchanges stand in the table of broken clauses, each
    once, of which `not_closed` came after their window was last closed.
    """

    conformance: Mapping[str, int]
    broken: int
    not_closed: int


def checked_counts(
    parts: Parts,
    asked: Range,
    *,
    environment: str | None = None,
    caller: str | None = None,
    callee: str | None = None,
) -> CheckedCounts:
    """The same for the page, the API and the command."""
    query = EdgeQuery(asked.since, asked.until, environment, caller, callee, by=("environment",))
    total: Counter[str] = Counter()
    for row in parts.reader.edges(query):
        total.update(row.conformance)
    wanted = (environment or "", caller or "", callee or "")
    broken, not_closed = parts.reader.broken_exchanges(asked.since, asked.until, *wanted)
    return CheckedCounts(dict(total), broken, not_closed)


@dataclass(frozen=True, slots=True)
class WindowsState:
    """How far the store is: publish sequence, newest window, newest sealed window (None while
    there is none).
    """

    sequence: int
    windows: int
    provisional: int
    last_closed: datetime | None
    last_sealed: datetime | None
    first_window: datetime | None
    late_rows: int

    @property
    def data_end(self) -> datetime | None:
        """Where the newest window ends: of what comes after it, nothing is known."""
        last = self.last_closed
        return None if last is None else last + timedelta(seconds=WINDOW_SECONDS)


def newest_row(parts: Parts, what: Literal["last_violation", "last_reject"]) -> datetime | None:
    """Of when the newest violation or reject is; None while there is none."""
    return utc(ask(parts, "newest_rows")[0][what])


def windows_state(parts: Parts, asking: Asking = ask) -> WindowsState:
    """One row, also over an empty store."""
    row = asking(parts, "windows_state")[0]
    return WindowsState(
        int(row["sequence"]),
        int(row["windows"]),
        int(row["provisional"]),
        utc(row["last_closed"]),
        utc(row["last_sealed"]),
        utc(row["first_window"]),
        int(row["late_rows"]),
    )


def live_services(parts: Parts) -> Sequence[Row]:
    """Services and versions that telemetry shows in the last day, or in the last day that the data
    has.
    """
    day = data_range(parts, None, None, "24h")
    return listed_in(parts, "services", day, MOST_SERVICES, environment=None, service=None).rows


def namespaces_seen(parts: Parts) -> dict[tuple[str, str], list[str]]:
    """By environment and service, the namespaces in which telemetry shows a service of that name
    ("" is none).
    """
    seen: dict[tuple[str, str], set[str]] = {}
    for row in live_services(parts):
        seen.setdefault((row["environment"], row["service"]), set()).add(row["namespace"])
    return {key: sorted(spaces) for key, spaces in seen.items()}
