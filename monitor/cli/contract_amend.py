"""`seamwatch contracts amend`: a proposed revision judged by a running Seamwatch, or by its
stores, told as `contracts diff` tells it.
"""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

import typer

from monitor.cli.contract_diff import one_in, operation_lines, read_of, show_changes
from monitor.cli.contract_reports import DiffFormat
from monitor.cli.printing import plain, to_second
from monitor.cli.publications import change_text
from monitor.contracts.amendment import WORST_FIRST
from monitor.contracts.changes import MOST_CHANGES
from monitor.errors import UsageError
from monitor.model.edges import beside
from monitor.wording.amendments import BASES

_SPAN = re.compile(r"(\d{1,5})([hd])", re.ASCII)
_MOST_TOLD = 12
_MOST_PLACES = 3


class Asked(Protocol):
    """An API that can be asked."""

    def post(self, path: str, body: Mapping[str, object]) -> Any: ...


@dataclass(frozen=True, slots=True)
class Proposed:
    """What is proposed, in which scope, and what it is held against."""

    file: Path
    name: str
    provider: str
    consumer: str | None
    environment: str | None
    against: str
    since: str


def judged(there: Asked, proposed: Proposed, form: DiffFormat) -> int:
    """Print the verdict; the exit code. UsageError for what cannot be read or asked."""
    document = one_in(proposed.file)
    if not proposed.provider and document.kind != "pact":
        raise UsageError(f"{document.source} does not name its provider; give --provider")
    against: object = proposed.against
    if proposed.against != "live":
        if not proposed.against.isdecimal():
            raise UsageError(f"--against {proposed.against}: write live or a revision's number")
        against = int(proposed.against)
    read = read_of(document)
    answer = there.post(
        "/v1/amendments",
        {
            "document": document.text, "format": document.kind, "name": proposed.name, "provider": proposed.provider,
            "consumer": proposed.consumer, "environment": proposed.environment, "against": against, "hours": hours_of(proposed.since),
        },
    )  # fmt: skip
    named = {row["change"]["operation"] for row in answer["changes"]}
    named |= {met["operation"] for met in answer["met"]}
    lines = operation_lines(document, read, named)
    rows: list[dict[str, Any]] = [
        {
            **row["change"],
            "bearing": row["bearing"],
            "why": row["why"],
            "told": _told(row),
            "counterexample": row["counterexample"],
            "file": document.source,
            "line": lines.get(row["change"]["operation"], 1),
            "looked_at": row["looked_at"],
            "affected": row["affected"],
            "upper": row["upper"],
            "untold": row["untold"],
            "unsettled": row["unsettled"],
        }
        for row in answer["changes"]
    ]
    rows += [
        {
            "operation": met["operation"], "side": met["side"], "status": "", "place": met["pointer"], "rule": met["rule"],
            "what": "changed", "bearing": "breaking", "why": "live_calls", "counterexample": "",
            "told": plain(f"{met['operation']} {met['side']} {met['pointer']} {met['rule']}: {_share(met)}"),
            "file": document.source, "line": lines.get(met["operation"], 1),
        }
        for met in answer["met"]
        if met["change"] < 0
    ]  # fmt: skip
    rows.sort(key=lambda row: WORST_FIRST.index(row["bearing"]))
    counts = Counter(row["bearing"] for row in rows)
    summary: dict[str, Any] = {
        "command": "seamwatch contracts amend",
        "result": answer["result"], "exit": answer["exit_code"], "reason": answer["reason"], "kind": document.kind,
        "old": f"{answer['name']} revision {answer['against']}", "new": document.source, "seen": answer["seen"],
        "changes": len(rows), **{word: counts[word] for word in WORST_FIRST}, "all_told": len(rows) < MOST_CHANGES,
        "said": "\n".join(_said(answer, counts)), "met": answer["met"], "lost": answer["lost"], "operations": answer["operations"],
    }  # fmt: skip
    show_changes(form, summary, rows)
    return int(answer["exit_code"])


def approved(
    there: Asked, proposed: Proposed, effective_from: str | None, from_deploy: str = ""
) -> None:
    """Publish what was judged as the next revision, from a time or from the deploy of a version of
    the provider on; told on standard error, beside the verdict.
    """
    document = one_in(proposed.file)
    answer = there.post(
        "/v1/contracts",
        {
            "document": document.text, "format": document.kind, "name": proposed.name, "provider": proposed.provider,
            "consumer": proposed.consumer, "environment": proposed.environment, "effective_from": effective_from,
            "from_deploy": from_deploy,
        },
    )  # fmt: skip
    if answer["outcome"] == "awaits":
        place = f" in {answer['environment']}" if answer["environment"] else ""
        what = f"{answer['name']} awaits the deploy of {answer['provider']} {from_deploy}{place}"
        typer.echo(plain(f"{what}: it is published then, and begins with it"), err=True)
        return
    begins = f"in force from {to_second(answer['effective_from'])}"
    where = f" in {answer['environment']}" if answer["environment"] else ""
    name = f"{answer['name']} revision {answer['number']} of {answer['provider']}"
    typer.echo(plain(f"{name} is {answer['outcome']}: {begins}{where}"), err=True)


def hours_of(since: str) -> int:
    """Hours of `12h` or `7d`. UsageError for another text, and beyond 30 days."""
    span = _SPAN.fullmatch(since)
    hours = int(span[1]) * (24 if span[2] == "d" else 1) if span else 0
    if not 1 <= hours <= 720:
        raise UsageError(f"--since {since}: write hours or days, such as 12h or 7d, 30d at most")
    return hours


def _told(row: Mapping[str, Any]) -> str:
    harmless = {"breaks": "nobody"} if row["bearing"] == "compatible" else {}
    text = change_text({**row["change"], **harmless})
    why = f" - {row['text']}" if row["text"] else ""
    live = (
        f"; live: {row['affected']:,} of {row['looked_at']:,} ({_percent(row['upper'])} at most)"
        if row["looked_at"] and not (row["untold"] and not row["affected"])
        else f"; live: {row['affected']:,} of {row['looked_at']:,}"
        if row["looked_at"]
        else "; live: none seen"
    )
    if row["untold"]:
        live += f", of {row['untold']:,} it cannot be told{_why(row['unsettled'])}"
    return f"{text}{why}{live}"


def _why(unsettled: Sequence[Mapping[str, Any]]) -> str:
    texts = [plain(f"{it['pointer']}: {it['text']}".removeprefix(": ")) for it in unsettled]
    more = f"; and {len(texts) - _MOST_PLACES} more" if len(texts) > _MOST_PLACES else ""
    return f" ({'; '.join(texts[:_MOST_PLACES])}{more})" if texts else ""


def _said(answer: Mapping[str, Any], counts: Mapping[str, int]) -> Iterator[str]:
    """The verdict, whom it is about, and what too little was seen of."""
    words = ", ".join(f"{counts[word]} {word}" for word in WORST_FIRST)
    why = f" ({BASES[answer['reason']]})" if answer["reason"] else ""
    yield f"result: {answer['result']}{why}; {words}; {answer['seen']:,} live calls and messages looked at"
    yield from _by_consumer(answer["met"])
    for met in answer["lost"][:_MOST_TOLD]:
        where = f"{met['operation']} {met['status']} {met['pointer']}"
        yield plain(f"lost: {_whom(met)} receives {where}: {_share(met)}")
    little = [operation for operation in answer["operations"] if not operation["enough"]]
    for operation in little[:_MOST_TOLD]:
        unseen = f", {operation['unseen']:,} more could not be" if operation["unseen"] else ""
        upper = _percent(operation["upper"])
        count = operation["looked_at"]
        seen = f"{count:,} payload{'' if count == 1 else 's'}"
        name = plain(operation["operation"])
        yield f"too little seen: {name}: {seen} looked at{unseen}; up to {upper} may break"
    if len(little) > _MOST_TOLD:
        yield f"and {len(little) - _MOST_TOLD} more operations with too little traffic"


def _by_consumer(met: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    for row in met[:_MOST_TOLD]:
        where = f"{row['operation']} {row['side']} {row['pointer']} {row['rule']}"
        yield plain(f"concerns {_whom(row)}: {where}: {_share(row)}")
    if len(met) > _MOST_TOLD:
        yield f"and {len(met) - _MOST_TOLD} more; --format json shows all"


def _whom(row: Mapping[str, Any]) -> str:
    name = beside(row["consumer_namespace"], row["consumer"] or "unknown")
    consumer = f"{name} {row['consumer_version']}".strip()
    provider = row["provider_version"]
    return f"{consumer} (provider {provider})" if provider else consumer


def _share(row: Mapping[str, Any]) -> str:
    share = _percent(row["share"])
    upper = _percent(row["upper"])
    return f"{row['affected']:,} of {row['looked_at']:,} ({share}, {upper} at most)"


def _percent(share: float) -> str:
    return f"{100 * share:.3g} %"
