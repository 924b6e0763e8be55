"""Per consumer, what the versions of a provider that are live keep, break, or have not shown of
what that consumer expects.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from monitor.contracts.form import Promise
from monitor.joining.coverage import PairShown, coverage
from monitor.model.contracts import Revision

Word = Literal["keeps", "breaks", "incomplete", "unshown"]
"""Breaks: one expectation at least. Keeps: every one was shown and kept. Unshown: none was.
Incomplete: some were, and kept.
"""


@dataclass(frozen=True, slots=True)
class Live:
    """A version of the provider: the environment where it was seen, and whether it answers calls
    now.
    """

    environment: str
    version: str
    live: bool = True


@dataclass(frozen=True, slots=True)
class MatrixCell:
    """One consumer's expectations, as one contract holds them, against one version of the provider
    in one environment.

    `kept`, `broken`, `open` (seen, not judged) and `unshown` name the expectations, each in one of
    them: broken beats kept.
    """

    consumer: str
    contract: str
    revision: int
    environment: str
    version: str
    live: bool
    word: Word
    kept: Sequence[str]
    broken: Sequence[str]
    open: Sequence[str]
    unshown: Sequence[str]


@dataclass(frozen=True, slots=True)
class Expected:
    """One contract of one consumer, with the rows of the store that name its examples."""

    revision: Revision
    promise: Promise
    rows: Sequence[Mapping[str, Any]]


def matrix(expected: Iterable[Expected], live: Sequence[Live]) -> list[MatrixCell]:
    """A cell for each contract and version, by consumer, contract, environment and version.

    Versions that are not live any more come only where none is live: then what was seen last is
    all there is to tell.
    """
    cells: list[MatrixCell] = []
    for contract in expected:
        covered = coverage(contract.promise, contract.rows)
        shown: dict[Live, dict[str, list[PairShown]]] = {}
        for example in covered:
            for pair in example.pairs:
                place = Live(pair.environment, pair.callee_version)
                shown.setdefault(place, {}).setdefault(example.interaction, []).append(pair)
        places = [
            place for place in live if contract.revision.environment in ("", place.environment)
        ]
        if not places:
            places = [Live(place.environment, place.version, live=False) for place in shown]
        names = [example.interaction for example in covered]
        cells += [
            _cell(
                contract.revision,
                place,
                names,
                shown.get(Live(place.environment, place.version), {}),
            )
            for place in places
        ]
    return sorted(
        cells, key=lambda cell: (cell.consumer, cell.contract, cell.environment, cell.version)
    )


def _cell(
    revision: Revision, place: Live, names: Sequence[str], shown: Mapping[str, Sequence[PairShown]]
) -> MatrixCell:
    by_state: dict[str, list[str]] = {"kept": [], "broken": [], "open": [], "unshown": []}
    for name in names:
        pairs = shown.get(name, ())
        state = (
            "broken"
            if any(pair.broken for pair in pairs)
            else "kept"
            if any(pair.kept for pair in pairs)
            else "open"
            if pairs
            else "unshown"
        )
        by_state[state].append(name)
    word: Word = (
        "breaks"
        if by_state["broken"]
        else "keeps"
        if len(by_state["kept"]) == len(names)
        else "incomplete"
        if by_state["kept"]
        else "unshown"
    )
    return MatrixCell(
        revision.consumer, revision.name, revision.number, place.environment, place.version, place.live, word,
        by_state["kept"], by_state["broken"], by_state["open"], by_state["unshown"],
    )  # fmt: skip
