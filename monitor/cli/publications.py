"""A publication told on the terminal: what became of it, what changed since the revision before, what recorded traffic says of it."""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from monitor.cli.printing import plain
from monitor.joining.recorded import UNTOLD

_MOST_CHANGES = 30
_MOST_CONSUMERS = 10
_OUTCOMES = {"published": "is published", "unchanged": "is unchanged", "would_publish": "would be published"}
_WHOM = {"consumers": "may break consumers", "provider": "asks more of the provider", "either": "may break either side"}


def tell_publication(said: Mapping[str, Any]) -> None:
    """One line for the revision, one for what was taken over from the one before, one for whose it is."""
    what = " as a mock" if said["role"] == "mock" else ""
    typer.echo(f"{plain(said['name'])} revision {said['number']} of {plain(said['provider'])} {_OUTCOMES[said['outcome']]}{what}")
    if said["kept"]:
        kept = ", ".join(f"{word} {plain(said[word])}" for word in said["kept"])
        typer.echo(f"  kept from the revision before: {kept}")
    if said["owner"] or said["contact"]:
        typer.echo(f"  owner: {plain(said['owner']) or 'not told'}; contact: {plain(said['contact']) or 'not told'}")


def tell_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    """A line for each change, those that may break somebody first."""
    if not changes:
        return
    order = {"either": 0, "consumers": 1, "provider": 2, "nobody": 3}
    ranked = sorted(changes, key=lambda one: order[one["breaks"]])
    harmful = sum(one["breaks"] in ("consumers", "either") for one in changes)
    typer.echo(f"changes: {len(changes)}, of which {harmful or 'none'} may break consumers")
    for one in ranked[:_MOST_CHANGES]:
        typer.echo(f"  {_change(one)}")
    if len(ranked) > _MOST_CHANGES:
        typer.echo(f"  and {len(ranked) - _MOST_CHANGES} more; --format json shows all")


def tell_contradictions(found: Sequence[Mapping[str, Any]]) -> None:
    """A line for each clause that an example or a schema of another contract breaks: both cannot be kept."""
    if not found:
        return
    typer.echo(f"contradictions: {len(found)}; the provider cannot keep both contracts")
    for one in found[:_MOST_CHANGES]:
        place = f" at {one['pointer']}" if one["pointer"] else ""
        shown = f" ({plain(one['example'])[:80]})" if one["example"] else f" ({plain(one['actual'])})"
        expects = f"{plain(one['pact'])} {plain(one['example_clause']) or '/'}{shown}"
        forbids = f"{plain(one['contract'])} {plain(one['clause']) or '/'}: {plain(one['expected'])}"
        typer.echo(f"  {plain(one['operation'])}: the {one['side']} of {expects} breaks {one['rule']}{plain(place)} of {forbids}")
    if len(found) > _MOST_CHANGES:
        typer.echo(f"  and {len(found) - _MOST_CHANGES} more; --format json shows all")


def tell_recorded(recorded: Mapping[str, Any] | None) -> None:
    """What the recorded exchanges say, by consumer, and why some cannot tell."""
    if recorded is None:
        return
    total = recorded["exchanges"]
    if not total:
        typer.echo(f"of the last {recorded['hours']} h no exchange of this contract was recorded: nothing can be told")
        return
    by = ", ".join(
        f"{plain(one['consumer']) or 'unknown'} {one['breaks']:,}"
        for one in recorded["consumers"][:_MOST_CONSUMERS]
        if one["breaks"]
    )
    typer.echo(
        f"of the last {recorded['hours']} h, {recorded['breaks']:,} of {total:,} recorded exchanges would break"
        + (f", by these consumers: {by}" if by else "")
    )
    for one in recorded["said"]:
        if one["told"] == "breaks":
            status = f" {one['status']}" if one["status"] else ""
            consumer = plain(one["consumer"]) or "unknown"
            typer.echo(f"  {one['exchanges']:,} of {consumer}: {plain(one['operation'])}{status}: {plain(one['why'])}")
    if recorded["untold"]:
        reasons: dict[str, int] = {}
        for one in recorded["said"]:
            if one["told"] == "untold":
                reasons[one["why"]] = reasons.get(one["why"], 0) + one["exchanges"]
        typer.echo(f"  {recorded['untold']:,} cannot tell:")
        for why, count in sorted(reasons.items(), key=lambda entry: -entry[1]):
            typer.echo(f"    {count:,}: {UNTOLD.get(why) or f'not checked ({plain(why)})'}")


def _change(one: Mapping[str, Any]) -> str:
    place = " ".join(word for word in (one["side"], one["status"], one["place"]) if word)
    was = f": {plain(one['was'])} → {plain(one['now'])}" if one["was"] and one["now"] else ""
    whom = f" ({_WHOM[one['breaks']]})" if one["breaks"] in _WHOM else ""
    return f"{plain(one['operation'])} {plain(place)}{' ' if place else ''}{one['rule']} {one['what']}{was}{whom}"
