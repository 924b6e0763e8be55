"""A ramp plan as a contract of its own.

`{"x-seamwatch-ramp-plan": {"version": "2.0.0", "steps": [{"share": "10%", "least_time": "10m",
"least_calls": 1000}], "pairs": [{"caller": "checkout *", "callee": "payment 2.0.0"}],
"longest_skew": "2h", "end_of_old": "24h", "abort": {"failures": "1%", "violations": "0%"}}}`.
"""

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from typing import Any, NoReturn

from monitor.contracts.form import Promise
from monitor.contracts.formats.timing import seconds_of
from monitor.contracts.routes import Router
from monitor.errors import ContractError
from monitor.model.ramp_plans import AllowedPair, PlanSide, PlanStep, RampPlan

KEY = "x-seamwatch-ramp-plan"
_WORDS = frozenset({"version", "steps", "pairs", "longest_skew", "end_of_old", "abort"})
_OF_STEP = frozenset({"share", "least_time", "least_calls"})
_OF_ABORT = frozenset({"failures", "violations"})
_PERCENT = re.compile(r"(\d{1,3}(?:\.\d{1,6})?)\s?%")
_DAYS = re.compile(r"(\d{1,3})d")
MOST = 200


def is_ramp_plan(document: dict[str, Any]) -> bool:
    """Whether a document is one of ours that plans a ramp."""
    return KEY in document


def read_ramp_plan(document: dict[str, Any], *, where: str) -> Promise:
    """The promise of such a document: of no payload and no operation. Raises ContractError with the
    place.
    """
    plan = _object(document.get(KEY), f"/{KEY}", where, _WORDS)
    version = plan.get("version")
    if not isinstance(version, str) or not version.strip():
        _refuse(where, "/version", "version is missing; write the version that comes, as text")
    steps = [
        _step(entry, f"/steps/{place}", where)
        for place, entry in enumerate(_list(plan.get("steps", []), "/steps", where))
    ]
    if any(later.share <= step.share for step, later in pairwise(steps)):
        _refuse(where, "/steps", "shares must rise from step to step")
    pairs = [
        _pair(entry, f"/pairs/{place}", where)
        for place, entry in enumerate(_list(plan.get("pairs", []), "/pairs", where))
    ]
    abort = _object(plan.get("abort", {}), "/abort", where, _OF_ABORT)
    end, after = _end(plan.get("end_of_old"), where)
    limits = {
        name: _share(abort[name], f"/abort/{name}", where) if name in abort else None
        for name in _OF_ABORT
    }
    read = RampPlan(
        version=str(version).strip(),
        steps=tuple(steps),
        pairs=tuple(pairs),
        longest_skew_seconds=_span(plan["longest_skew"], "/longest_skew", where)
        if "longest_skew" in plan
        else None,
        end_of_old=end,
        end_after_seconds=after,
        abort_failures=limits["failures"],
        abort_violations=limits["violations"],
    )
    clauses = (steps, pairs, end, after, read.longest_skew_seconds, *abort)
    if not any(part not in (None, []) for part in clauses):
        _refuse(where, "", "it tells no step, pair, skew, end or abort clause")
    return Promise(Router(), whole=False, depth=0, plan=read)


def _step(entry: Any, pointer: str, where: str) -> PlanStep:
    step = _object(entry, pointer, where, _OF_STEP)
    calls = step.get("least_calls", 0)
    if isinstance(calls, bool) or not isinstance(calls, int) or not 0 <= calls <= 10**12:
        _refuse(where, f"{pointer}/least_calls", "least_calls is no whole number of calls")
    seconds = (
        _span(step["least_time"], f"{pointer}/least_time", where) if "least_time" in step else 0.0
    )
    share = _share(step.get("share"), f"{pointer}/share", where)
    if not share:
        _refuse(where, f"{pointer}/share", "a step has a share above 0")
    return PlanStep(share, seconds, calls)


def _pair(entry: Any, pointer: str, where: str) -> AllowedPair:
    pair = _object(entry, pointer, where, frozenset({"caller", "callee"}))
    caller, callee = (
        _side(pair.get(name), f"{pointer}/{name}", where) for name in ("caller", "callee")
    )
    return AllowedPair(caller, callee)


def _side(text: Any, pointer: str, where: str) -> PlanSide:
    words = text.split() if isinstance(text, str) else []
    if len(words) not in (1, 2):
        _refuse(where, pointer, "write a service and its version, as checkout 1.4.2 or checkout *")
    return PlanSide(words[0], words[1] if len(words) == 2 else "*")


def _share(value: Any, pointer: str, where: str) -> float:
    match = _PERCENT.fullmatch(value.strip()) if isinstance(value, str) else None
    number = (
        float(match.group(1)) / 100
        if match
        else float(value)
        if isinstance(value, int | float) and not isinstance(value, bool)
        else -1.0
    )
    if not 0 <= number <= 1:
        _refuse(where, pointer, f"{str(value)[:40]!r} is no share; write 10% or 0.1")
    return number


def _span(value: Any, pointer: str, where: str) -> float:
    days = _DAYS.fullmatch(value.strip()) if isinstance(value, str) else None
    if days:
        return 86400.0 * int(days.group(1))
    try:
        return seconds_of(value, where, pointer)
    except ContractError:
        return _refuse(where, pointer, f"{str(value)[:40]!r} is no time; write 10m, 2h or 3d")


def _end(value: Any, where: str) -> tuple[datetime | None, float | None]:
    """A moment, or a span after the ramp began."""
    if value is None:
        return None, None
    if isinstance(value, datetime):
        return (value if value.tzinfo else value.replace(tzinfo=UTC)), None
    if isinstance(value, date):
        return datetime(value.year, value.month, value.day, tzinfo=UTC), None
    try:
        moment = datetime.fromisoformat(str(value))
    except ValueError:
        return None, _span(value, "/end_of_old", where)
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)), None


def _object(value: Any, pointer: str, where: str, words: frozenset[str]) -> Mapping[str, Any]:
    if not isinstance(value, dict):
        _refuse(where, pointer, "this is no object")
    unknown = sorted(str(word)[:40] for word in set(value) - words)
    if unknown:
        _refuse(where, pointer, f"{unknown[0]!r} is not known; use {', '.join(sorted(words))}")
    return dict(value)


def _list(value: Any, pointer: str, where: str) -> list[Any]:
    if not isinstance(value, list) or len(value) > MOST:
        _refuse(where, pointer, f"this is no list of at most {MOST}")
    return list(value)


def _refuse(where: str, pointer: str, why: str) -> NoReturn:
    place = pointer if pointer.startswith(f"/{KEY}") else f"/{KEY}{pointer}"
    raise ContractError(f"{where}: {place}: {why}", place)
