"""What the exchanges of one `contracts check` came to: counts, broken clauses, and how much of the
contracts was seen.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from monitor.cli.contract_documents import Document, contradictions_among
from monitor.cli.contract_reports import Report
from monitor.contracts.lines import lines_of

KEPT, BROKEN, UNCHECKED = 0, 1, 2
UNREADABLE = "unreadable"
_MOST_FOLDED = 10_000  # different broken clauses that are told one by one


@dataclass(slots=True)
class Tally:
    """What the exchanges of one run came to. Its size hangs on the contracts, not on
    the traffic.
    """

    files: dict[str, int]
    """How many exchanges each file of the traffic gave."""
    services: Mapping[str, str]
    """The service that each contract is for, by its name; "" where it binds whatever there is."""
    verdicts: Counter[str] = field(default_factory=Counter)
    reasons: Counter[str] = field(default_factory=Counter)
    rules: Counter[str] = field(default_factory=Counter)
    observations: Counter[str] = field(default_factory=Counter)
    sources: Counter[str] = field(default_factory=Counter)
    operations: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """By service and operation."""
    interactions: dict[tuple[str, str], Counter[str]] = field(default_factory=dict)
    """By contract and interaction."""
    folded: dict[tuple[str, ...], dict[str, Any]] = field(default_factory=dict)
    passed: int = 0

    def add(self, row: Mapping[str, Any]) -> None:
        """Count one row."""
        self.verdicts[row["verdict"]] += 1
        if not row["reason"].startswith(UNREADABLE):
            self.files[row["file"]] = self.files.get(row["file"], 0) + 1
        self.sources[row["source"]] += 1
        for code in row["codes"]:
            self.reasons[code] += 1
        for seen in row["observations"]:
            self.observations[seen["code"]] += 1
        if row["contract_names_it"]:
            operation = self.services.get(row["contract"], ""), row["operation"]
            self._of(self.operations, operation)[row["verdict"]] += 1
        for interaction, shown in row["shown"]:
            self._of(self.interactions, interaction)[shown] += 1
        for broken in row["violations"]:
            self.rules[broken["rule"]] += 1
            key = (
                broken["fingerprint"],
                broken["clause"],
                broken["expected"],
                broken["actual_kind"],
            )
            folded_row = self.folded.get(key)
            if folded_row is not None:
                folded_row["exchanges"] += 1
            elif len(self.folded) < _MOST_FOLDED:
                self.folded[key] = {**broken, "index": row["index"], "exchanges": 1}

    @staticmethod
    def _of(counted: dict[tuple[str, str], Counter[str]], name: tuple[str, str]) -> Counter[str]:
        held = counted.get(name)
        if held is None:
            held = counted[name] = Counter()
        return held

    def exit(self) -> int:
        """0 when what was checked keeps its contract, 1 when a clause is broken, 2 when nothing
        could be checked.
        """
        if self.verdicts["violated"]:
            return BROKEN
        return KEPT if self.verdicts["valid"] else UNCHECKED


def whole(documents: Sequence[Document], tally: Tally) -> Report:
    """What a report tells at its end."""
    exits = tally.exit()
    held = [(document.provider, document.examined.promise) for document in documents]
    offered = list(
        dict.fromkeys(
            (service, operation.name)
            for service, promise in held
            for operation in promise.operations
        )
    )
    offered += dict.fromkeys(
        (service, message.topic)
        for service, promise in held
        for message in promise.messages
        if message.topic
    )
    shown = list(
        dict.fromkeys(
            (document.name, example.name)
            for document in documents
            for example in document.examined.promise.examples
        )
    )
    # below a server's path an operation has a longer name than in its document
    seen = {
        (service, promise.named(name))
        for service, promise in held
        for of_service, name in tally.operations
        if of_service == service
    }
    seen |= tally.operations.keys()
    contradictions = contradictions_among(documents)
    labels = _Labels([*offered, *tally.operations])
    of_examples = _Labels([*shown, *tally.interactions])
    summary = {
        "result": ("kept", "broken", "nothing_checked")[exits],
        "exit": exits,
        "exchanges": tally.verdicts.total(),
        **{verdict: tally.verdicts[verdict] for verdict in ("valid", "violated", "not_checked")},
        "passed_over": tally.passed,
        "reasons": dict(tally.reasons.most_common()),
        "rules": dict(tally.rules.most_common()),
        "observations": dict(tally.observations.most_common()),
        "sources": {name: count for name, count in tally.sources.most_common() if name},
        "contradictions": len(contradictions),
        "files_without_exchanges": [name for name, count in tally.files.items() if not count],
    }
    coverage = {
        "operations_offered": len(offered),
        # an operation that no contract names is seen, and is none of theirs
        "operations_seen": sum(name in seen for name in offered)
        if offered
        else len(tally.operations),
        "operations": {
            labels.name(*operation): dict(counts)
            for operation, counts in sorted(tally.operations.items())
        },
        "unseen": [labels.name(*operation) for operation in offered if operation not in seen],
        "interactions": {
            of_examples.name(*interaction): dict(counts)
            for interaction, counts in sorted(tally.interactions.items())
        },
        "unproven": [
            of_examples.name(*interaction)
            for interaction in shown
            if interaction not in tally.interactions
        ],
    }
    broken = _placed(documents, list(tally.folded.values()))
    for row in broken:
        row["covered"] = labels.name(tally.services.get(row["contract"], ""), row["operation"])
    return Report(
        summary,
        coverage,
        broken,
        [_told(document) for document in documents],
        contradictions,
    )


class _Labels:
    """Names of what owners have: with the owner where several have one of that name."""

    def __init__(self, owned: Iterable[tuple[str, str]]) -> None:
        self._owners: dict[str, set[str]] = {}
        for owner, name in owned:
            self._owners.setdefault(name, set()).add(owner)

    def name(self, owner: str, name: str) -> str:
        several = len(self._owners.get(name, ())) > 1
        return f"{owner}: {name}" if several and owner else name


def _told(document: Document) -> dict[str, Any]:
    return {"file": str(document.path), "name": document.name, **document.examined.told()}


def _placed(documents: Sequence[Document], folded: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """The broken clauses with the file and line that each stands at."""
    for document in documents:
        own = [broken for broken in folded if broken["contract"] == document.name]
        try:
            lines = lines_of(document.text, {broken["clause"] for broken in own})
        except (ValueError, KeyError, IndexError):
            lines = {}
        for broken in own:
            broken["contract_file"], broken["line"] = (
                str(document.path),
                lines.get(broken["clause"], 1),
            )
    return sorted(
        folded, key=lambda broken: (-broken["exchanges"], broken["operation"], broken["pointer"])
    )
