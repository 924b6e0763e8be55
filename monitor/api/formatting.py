"""How numbers, times and hostile names look on the page."""

import unicodedata
from datetime import UTC, datetime
from math import isnan
from typing import Any

from monitor.model.judging import Finding
from monitor.model.moments import in_utc

LONGEST = 96
# Marks that turn the direction of text around or join and hide letters: shown as their code, never
# obeyed.
_HIDDEN = {"Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp"}


def name(text: object, longest: int = LONGEST) -> str:
    """A name from telemetry: what cannot be seen becomes visible, what is long is cut. Not yet
    escaped for HTML.
    """
    raw = "" if text is None else str(text)
    shown = "".join(
        f"\\u{ord(mark):04x}" if unicodedata.category(mark) in _HIDDEN else mark
        for mark in raw[: longest + 1]
    )
    return shown if len(raw) <= longest else shown[:longest] + "…"


def version(text: object) -> str:
    """A version, or what stands for one that telemetry does not tell."""
    return name(text, 40) or "no version"


def count(value: float | None) -> str:
    """1234567 as 1,234,567; a dash for nothing."""
    return "–" if value is None else f"{value:,.0f}"


def percent(part: float | None, whole: float | None = 1.0) -> str:
    """A share with as many digits as say something; a dash where there is nothing to share."""
    if part is None or not whole:
        return "–"
    share = 100 * part / whole
    if share == 0:
        return "0 %"
    if share < 0.01:
        return "<0.01 %"
    if share < 10:
        return f"{share:.2f} %"
    return f"{share:.1f} %" if share < 99.95 else ">99.9 %" if share < 100 else "100 %"


def duration(seconds: float | None) -> str:
    """Seconds in the unit that fits, three digits; a dash for an absent side."""
    if seconds is None or isnan(seconds):
        return "–"
    for limit, factor, unit in (
        (1e-3, 1e6, "µs"),
        (1.0, 1e3, "ms"),
        (120.0, 1.0, "s"),
        (7200.0, 1 / 60, "min"),
        (172800.0, 1 / 3600, "h"),
    ):
        if seconds < limit:
            return f"{seconds * factor:.3g} {unit}"
    return f"{seconds / 86400:.3g} d"


def rate(calls: float, seconds: float) -> str:
    """Calls a second, or a minute where there are few."""
    if seconds <= 0:
        return "–"
    per_second = calls / seconds
    if per_second >= 100:
        return f"{per_second:,.0f}/s"
    return (
        f"{per_second:.3g}/s"
        if per_second >= 0.1 or per_second == 0
        else f"{per_second * 60:.2g}/min"
    )


def size(value: float | None) -> str:
    """Bytes in the unit that fits."""
    left = float(value or 0)
    for unit in ("B", "kB", "MB", "GB"):
        if left < 1000:
            return f"{left:.3g} {unit}"
        left /= 1000
    return f"{left:.3g} TB"


def utc(at: datetime | None) -> datetime | None:
    """An aware time; the store's naive ones are UTC, and its 1970 means never."""
    if at is None:
        return None
    aware = in_utc(at)
    return None if aware.timestamp() <= 0 else aware


def when(at: datetime | None) -> str:
    """A time for people: seconds, and its zone: no page tells a time without one."""
    moment = utc(at)
    return "never" if moment is None else moment.strftime("%Y-%m-%d %H:%M:%S UTC")


def ago(at: datetime | None, now: datetime) -> str:
    """How long ago, or in how long."""
    moment = utc(at)
    if moment is None:
        return "never"
    seconds = (now - moment).total_seconds()
    return (
        f"{_about(seconds)} ago"
        if seconds >= 1
        else "now"
        if seconds > -1
        else f"in {_about(-seconds)}"
    )


def _about(seconds: float) -> str:
    """A distance in whole units: nobody needs 3.94 min."""
    for limit, unit, name_of in ((120, 1, "s"), (7200, 60, "min"), (172800, 3600, "h")):
        if seconds < limit:
            return f"{seconds / unit:.0f} {name_of}"
    return f"{seconds / 86400:.0f} d"


def odds(value: Any) -> str:
    """A ratio; a dash when there is none."""
    return "–" if value is None else f"{float(value):.3g}×"


def evidence(finding: Finding) -> str:
    """The figures: bad calls of the new version, and of the one it is compared with."""
    seen = finding.evidence
    against = version(finding.against_version) if finding.against_version else "before"
    if finding.signal == "latency":
        return f"{count(seen.new_calls)} calls; {against}: {count(seen.old_calls)}"
    return f"{count(seen.new_bad)} of {count(seen.new_calls)} calls; {against}: {count(seen.old_bad)} of {count(seen.old_calls)}"


def told(key: str, value: str | float | None, now: datetime) -> str:
    """A detail of a component's report; a time since 1970 is told as a distance."""
    if value is None:
        return "–"
    if key == "watermark" and isinstance(value, float | int) and value > 1e9:
        return ago(datetime.fromtimestamp(value, UTC), now)
    return name(f"{value:,}" if isinstance(value, int) else value, 80)


def signal(key: str) -> str:
    """What a judgement looked at, in words: `client` and `server` are the sides' latencies."""
    return {"client": "latency, client", "server": "latency, server", "violated": "contract"}.get(
        key, name(key, 40).replace("_", " ")
    )
