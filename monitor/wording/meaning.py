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
    "type": "of the type",
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
    return f"{where}: {told_change(change)}"


def told_change(change: MeaningChange) -> str:
    """The same without its place."""
    return what_changed(
        change.code, change.kind, change.old_share, change.new_share, change.factor
    )


def what_changed(code: str, kind: str, old_share: float, new_share: float, factor: float) -> str:
    """What is otherwise, in words, of a code of `MeaningCode`; KeyError for another."""
    now, before = _percent(new_share), _percent(old_share)
    if code == "category_went":
        return f"a word that was {before} is not seen any more"
    moved = _MOVED.get(code)  # type: ignore[call-overload]  # a code of a newer program is in no table
    if moved is not None:
        times = max(factor, 1 / factor) if factor else 1.0
        movement = moved.format(times=f"about {float(f'{times:.1g}'):,.0f}")
        return f"{movement} ({now} are beyond what was usual, before {before})"
    of_kind = _KINDS.get(code)  # type: ignore[call-overload]  # as above
    if of_kind is not None:
        return f"{now} are {of_kind} {kind or 'none that is told'}, before {before}"
    return f"{_SHARES[code]} in {now}, before in {before}"  # type: ignore[index]  # as above


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.095 else f"{100 * share:.2g} %"
