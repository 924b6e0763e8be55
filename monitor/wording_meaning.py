"""What is said of a change of meaning, in one sentence; it names places and shares, never a value."""

from collections.abc import Mapping

from monitor.model.meaning import MeaningChange, MeaningCode

_SHARES: Mapping[MeaningCode, str] = {
    "missing": "it is missing",
    "null": "it is null",
    "zero": "it is zero",
    "negative": "it is negative",
    "decimals": "it has that many decimals",
    "whole": "it is a whole number",
    "truth": "it is true",
    "empty_list": "the list is empty",
    "categories": "one of its words is seen",
}
_KINDS: Mapping[MeaningCode, str] = {
    "format": "of the format",
    "signs": "made of",
    "zone": "with the zone",
    "precision": "told down to",
}
_MOVED: Mapping[MeaningCode, str] = {
    "larger": "numbers are {times} times larger",
    "smaller": "numbers are {times} times smaller",
    "longer": "texts are {times} times longer",
    "shorter": "texts are {times} times shorter",
    "longer_list": "lists are {times} times longer",
    "shorter_list": "lists are {times} times shorter",
    "earlier": "times lie otherwise from now, towards earlier",
    "later": "times lie otherwise from now, towards later",
}


def meaning_sentence(change: MeaningChange) -> str:
    """`GET /orders 200 response /total: numbers are about 100 times larger (80 % are beyond what was
    usual, before 2 %)`.
    """
    place = change.place
    side = f"{place.status} {place.side}" if place.side == "response" else place.side
    where = f"{place.operation} {side} {place.pointer or '/'}"
    return f"{where}: {what_changed(change)}"


def what_changed(change: MeaningChange) -> str:
    """The same without its place."""
    now, before = _percent(change.new_share), _percent(change.old_share)
    if change.code == "category_went":
        return f"a word that was {before} is not seen any more"
    moved = _MOVED.get(change.code)
    if moved is not None:
        times = max(change.factor, 1 / change.factor) if change.factor else 1.0
        told = moved.format(times=f"about {float(f'{times:.1g}'):,.0f}")
        return f"{told} ({now} are beyond what was usual, before {before})"
    kind = _KINDS.get(change.code)
    if kind is not None:
        name = change.kind or "none that is told"
        return f"{now} are {kind} {name}, before {before}"
    return f"{_SHARES[change.code]} in {now}, before in {before}"


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.2g} %"
