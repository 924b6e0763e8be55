"""A publication told on the terminal: what became of it, what changed since the revision before,
what recorded traffic says of it.
"""

from collections.abc import Mapping, Sequence
from typing import Any

import typer

from monitor.cli.printing import plain

_MOST_CHANGES = 30
_MOST_CONSUMERS = 10
_OUTCOMES = {
    "published": "is published",
    "unchanged": "is unchanged",
    "would_publish": "would be published",
}
_WHOM = {
    "consumers": "may break consumers",
    "provider": "asks more of the provider",
    "either": "may break either side",
}


_ROLES = {"mock": " as a mock", "observed": ": what breaks it is told, and is no violation yet"}


def tell_publication(answer: Mapping[str, Any]) -> None:
    """One line for the revision, one for what was taken over from the one before, one for whose it
    is.
    """
    what = _ROLES.get(answer["role"], "")
    typer.echo(
        f"{plain(answer['name'])} revision {answer['number']} of {plain(answer['provider'])} {_OUTCOMES[answer['outcome']]}{what}"
    )
    if answer["kept"]:
        kept = ", ".join(f"{word} {plain(answer[word])}" for word in answer["kept"])
        typer.echo(f"  kept from the revision before: {kept}")
    if answer["owner"] or answer["contact"]:
        typer.echo(
            f"  owner: {plain(answer['owner']) or 'not told'}; contact: {plain(answer['contact']) or 'not told'}"
        )


def tell_changes(changes: Sequence[Mapping[str, Any]]) -> None:
    """A line for each change, those that may break somebody first."""
    if not changes:
        return
    order = {"either": 0, "consumers": 1, "provider": 2, "nobody": 3}
    ranked = sorted(changes, key=lambda change: order[change["breaks"]])
    harmful = sum(change["breaks"] in ("consumers", "either") for change in changes)
    typer.echo(f"changes: {len(changes)}, of which {harmful or 'none'} may break consumers")
    for change in ranked[:_MOST_CHANGES]:
        typer.echo(f"  {change_text(change)}")
    if len(ranked) > _MOST_CHANGES:
        typer.echo(f"  and {len(ranked) - _MOST_CHANGES} more; --format json shows all")


def tell_contradictions(contradictions: Sequence[Mapping[str, Any]]) -> None:
    """A line for each clause that an example or a schema of another contract breaks: both cannot
    be kept.
    """
    if not contradictions:
        return
    typer.echo(f"contradictions: {len(contradictions)}; the provider cannot keep both contracts")
    for clash in contradictions[:_MOST_CHANGES]:
        typer.echo(f"  {contradiction_text(clash)}")
    if len(contradictions) > _MOST_CHANGES:
        typer.echo(f"  and {len(contradictions) - _MOST_CHANGES} more; --format json shows all")


def contradiction_text(clash: Mapping[str, Any]) -> str:
    """What the one contract shows or says, and the clause of the other that forbids it."""
    place = f" at {clash['pointer']}" if clash["pointer"] else ""
    shown = (
        f" ({plain(clash['example'])[:80]}{_and_more(clash['examples'])})"
        if clash["example"]
        else f" ({plain(clash['actual'])})"
    )
    expects = f"{plain(clash['pact'])} {plain(clash['example_clause']) or '/'}{shown}"
    forbids = (
        f"{plain(clash['contract'])} {plain(clash['clause']) or '/'}: {plain(clash['expected'])}"
    )
    return f"{plain(clash['operation'])}: the {clash['side']} of {expects} breaks {clash['rule']}{plain(place)} of {forbids}"


def _and_more(examples: int) -> str:
    return f", and {examples - 1} more" if examples > 1 else ""


def tell_recorded(recorded: Mapping[str, Any] | None) -> None:
    """What the recorded exchanges say, by consumer, and why some cannot tell."""
    if recorded is None:
        return
    total = recorded["exchanges"]
    if not total:
        typer.echo(
            f"of the last {recorded['hours']} h nothing was recorded that this contract is about: no call of its operations, and nothing that met its examples or messages under a revision before"
        )
        return
    by = ", ".join(
        f"{plain(consumer['consumer']) or 'unknown'} {consumer['breaks']:,}"
        for consumer in recorded["consumers"][:_MOST_CONSUMERS]
        if consumer["breaks"]
    )
    typer.echo(
        f"of the last {recorded['hours']} h, {recorded['breaks']:,} of {total:,} recorded exchanges would break"
        + (f", by these consumers: {by}" if by else "")
    )
    for harm in recorded["said"]:
        if harm["told"] == "breaks":
            status = f" {harm['status']}" if harm["status"] else ""
            consumer = plain(harm["consumer"]) or "unknown"
            typer.echo(
                f"  {harm['exchanges']:,} of {consumer}: {plain(harm['operation'])}{status}: {plain(harm['why'])}"
                + (
                    f", by skeletons of {harm['looked_at']:,} payloads"
                    if harm["looked_at"]
                    else ""
                )
            )
    if recorded["untold"]:
        # the store comes with it, which most commands of contracts do without
        from monitor.joining.recorded import UNTOLD

        reasons: dict[str, int] = {}
        for gap in recorded["said"]:
            if gap["told"] == "untold":
                reasons[gap["why"]] = reasons.get(gap["why"], 0) + gap["exchanges"]
        typer.echo(f"  {recorded['untold']:,} cannot tell:")
        for why, count in sorted(reasons.items(), key=lambda entry: -entry[1]):
            typer.echo(f"    {count:,}: {UNTOLD.get(why) or f'not checked ({plain(why)})'}")


def change_text(change: Mapping[str, Any]) -> str:
    """A change as one line: where, which clause, what became of it, whom it may break."""
    place = " ".join(word for word in (change["side"], change["status"], change["place"]) if word)
    was = (
        f": {plain(change['was'])} → {plain(change['now'])}"
        if change["was"] and change["now"]
        else ""
    )
    whom = f" ({_WHOM[change['breaks']]})" if change["breaks"] in _WHOM else ""
    text = f"{plain(change['operation'])} {plain(place)}{' ' if place else ''}{change['rule']} {change['what']}{was}{whom}"
    return text.lstrip()  # of the document no operation is named
