"""Sentences about the times that contracts tell: no judgement of a deploy, and so no reason of one
(reasons.py).

Nothing reads these sentences back. Names in them are foreign text: who shows them escapes them.
"""

from collections.abc import Mapping

from monitor.model.timing import TimingCode, TimingReason

TIMES: Mapping[TimingCode, str] = {
    "timeout_too_short": "{quantile} = {seconds} exceeds {consumer}'s timeout of {limit_seconds} (since {callee} {version}; at least "
    "{share:.2%} of {calls} calls take longer)",
    "latency_promise_broken": "{quantile} = {seconds} exceeds the {limit_seconds} promised for {promised} (since {callee} {version}; at "
    "least {share:.2%} of {calls} calls take longer)",
    "timing_kept": "at most {share:.2%} of {calls} calls take longer than {limit_seconds}",
    "timing_open": "not told yet: between {low:.2%} and {share:.2%} of {calls} calls take longer than {limit_seconds}",
    "timing_unseen": "no latency of these calls is known, to hold against {limit_seconds}",
}


def span(
    seconds: float, names: tuple[str, str, str, str] = ("s", "minutes", "hours", "days")
) -> str:
    """A span of time in the unit that people would use: seconds up to two minutes, minutes up to
    two hours, hours up to two days.
    """
    *short, days = names
    for most, unit, name in zip(
        (120.0, 7200.0, 172_800.0), (1.0, 60.0, 3600.0), short, strict=True
    ):
        if seconds < most:
            return f"{seconds / unit:.0f} {name}"
    return f"{seconds / 86_400.0:.0f} {days}"


def time_sentence(reason: TimingReason) -> str:
    """The reason as one sentence."""
    values = {
        name: _time(value) if name.endswith("seconds") else value
        for name, value in reason.parameters.items()
    }
    return TIMES[reason.code].format_map(values)


def _time(seconds: str | float) -> str:
    value = float(seconds)
    return f"{value:.3g} s" if value >= 1 else f"{1000 * value:.3g} ms"
