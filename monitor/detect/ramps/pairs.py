"""Each pair of versions of a ramp: what it showed, what that bounds, and whether it is proven."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from math import ceil
from typing import Literal

import numpy as np

from monitor.detect.arrays import Ints
from monitor.detect.evidence.equivalence import bounds
from monitor.detect.evidence.rates import dispersion
from monitor.detect.ramps.bounds import bound, latency_bounds, least_without, upper_share
from monitor.detect.ramps.cells import Harm, PathSeen, RampCell, Side, Sums, summed_up
from monitor.detect.ramps.meaning import Pair
from monitor.detect.settings import JudgeSettings
from monitor.model.exchanges import MESSAGING
from monitor.model.ramps import (
    ENOUGH_PAYLOADS,
    Age,
    Bound,
    PairMeaning,
    PairState,
    PairWord,
    RampCode,
    RampReason,
    Role,
    ThinPath,
    ramp_reason,
    worst,
)

THIN = 0.05
"""A path is thin while its share of violations may be so large for all that was seen of it."""
USUAL = 0.01
"""Paths that make so large a share of the other pairs' calls must not be thin where a pair counts
as proven.
"""
MOST_THIN = 20
MOST_HARMS = 3
FAILING = frozenset({"errors", "provider_errors", "timeouts"})
"""Signals of findings that tell of calls that fail."""
FAILURES = frozenset({"server_error", "timeout", "cancelled"})
RATE_STEPS = 6
ROLES: Mapping[tuple[Age, Age], Role] = {
    ("old", "new"): "backward",
    ("new", "old"): "forward",
    ("old", "old"): "established",
    ("new", "new"): "new",
}
_ORDER: Mapping[Role, int] = {
    "backward": 0,
    "forward": 1,
    "new": 2,
    "established": 3,
    "unordered": 4,
}


@dataclass(frozen=True, slots=True)
class PairInputs:
    """Cells of the ramp, by whom versions are how old, paths by their endings, and findings. `at`
    is the end of what was read, all in s since the epoch.
    """

    cells: Sequence[RampCell]
    ages: Mapping[Side, Age]
    paths: Sequence[PathSeen]
    harms: Sequence[Harm]
    step: int
    at: int
    settings: JudgeSettings = field(default_factory=JudgeSettings)
    meanings: Mapping[Pair, PairMeaning] = field(default_factory=dict)


def pair_states(inputs: PairInputs) -> list[PairState]:
    """A state for each pair that was seen, backward compatibility first, then the busiest."""
    by_pair: dict[tuple[str, ...], list[RampCell]] = {}
    for cell in inputs.cells:
        by_pair.setdefault(cell.pair, []).append(cell)
    roles = {pair: role_of(cells[0], inputs.ages) for pair, cells in by_pair.items()}
    references: dict[tuple[str, ...], list[RampCell]] = {}
    for pair, cells in by_pair.items():
        if roles[pair] == "established":
            references.setdefault(cells[0].edge, []).extend(cells)
    paths = _paths(inputs, by_pair)
    states = [
        _state(inputs, cells, roles[pair], references.get(cells[0].edge, ()), paths)
        for pair, cells in by_pair.items()
    ]
    return sorted(
        states,
        key=lambda it: (
            _ORDER[it.role],
            -it.calls,
            it.caller,
            it.callee,
            it.caller_version,
            it.callee_version,
            it.protocol,
        ),
    )


def role_of(cell: RampCell, ages: Mapping[Side, Age]) -> Role:
    """How the pair stands in the ramp."""
    sides = (
        ages.get(cell.caller_side, "unknown"),
        ages.get(cell.callee_side, "unknown"),
    )
    return ROLES.get(sides, "unordered")


def _state(
    inputs: PairInputs,
    cells: Sequence[RampCell],
    role: Role,
    reference: Sequence[RampCell],
    paths: "_Paths",
) -> PairState:
    first, sums = cells[0], summed_up(cells)
    thin, blocked = paths.thin_of(first)
    harms = _harms(inputs.harms, first)
    borne = frozenset(harm.signal for harm in harms if harm.accepted)
    promises, unchecked = _promises(sums, borne)
    words = [*promises, *map(_told, harms[:MOST_HARMS])]
    meaning = inputs.meanings.get(
        (first.caller, first.caller_version, first.callee, first.callee_version)
    )
    if meaning is not None:
        words += _meant(meaning, borne)
    needed: int | None = None
    if role not in ("established", "unordered"):
        word, needed = _failures(inputs, cells, reference, sums)
        if word[0] == "unproven" and sums.calls and borne & FAILING:
            word, needed = ("accepted", word[1]), None
        words.append(word)
    needed = max(filter(None, [needed, unchecked]), default=None)
    if role == "unordered":
        words.append(("unproven", ramp_reason("ramp_order_unknown")))
    if sums.biased:
        words.append(("unproven", ramp_reason("ramp_biased")))
    words += [
        (
            "unproven",
            ramp_reason(
                "ramp_path_thin", operation=path.operation, ending=path.ending, seen=path.seen
            ),
        )
        for path in ([] if role == "established" else blocked[:3])
    ]
    pace = _pace(cells, inputs)
    side: Literal["client", "server", "queue"]
    side, histogram = (
        ("queue", sums.queue)
        if first.protocol == MESSAGING and sums.queue
        else ("client", sums.client)
        if sums.client
        else ("server", sums.server)
    )
    return PairState(
        kind="queue" if first.protocol == MESSAGING else "call",
        role=role,
        caller_namespace=first.caller_namespace,
        caller=first.caller,
        caller_version=first.caller_version,
        callee_namespace=first.callee_namespace,
        callee=first.callee,
        callee_version=first.callee_version,
        protocol=first.protocol,
        calls=sums.calls,
        calls_a_second=pace,
        failed=bound(sums.bad, sums.calls),
        outcomes={name: count for name, count in sums.outcomes.items() if count},
        violated=bound(sums.violated, sums.checked),
        not_checked={name: count for name, count in sums.not_checked.items() if count},
        latency=latency_bounds(histogram, side),
        thin=thin[:MOST_THIN],
        thin_in_all=len(thin),
        both_sides=sums.both,
        biased=sums.biased,
        last_seen=datetime.fromtimestamp(sums.last, UTC),
        needed=needed,
        eta_seconds=needed / pace if needed and pace else None,
        word=worst(word for word, _ in words),
        reasons=[reason for _, reason in words],
        meaning=meaning,
    )


def _promises(
    sums: Sums, borne: frozenset[str]
) -> tuple[list[tuple[PairWord, RampReason]], int | None]:
    """What checking against contracts says of the pair, and about how many calls it wants beside
    those it has. `borne`: signals of accepted findings.
    """
    violated: Bound = bound(sums.violated, sums.checked)
    needed: int | None = None
    word: PairWord = "proven"
    reason = ramp_reason("ramp_no_contract")
    if sums.violated:
        word = "accepted" if "violations" in borne else "broken"
        share = violated.count / violated.of
        reason = ramp_reason("ramp_violates", count=violated.count, of=violated.of, share=share)
    elif sums.checked:
        reason = ramp_reason("ramp_no_violation", of=violated.of, share=violated.upper)
        if violated.upper > JudgeSettings().floor_difference:
            word = "unproven"
            wanted = least_without(JudgeSettings().floor_difference)
            needed = ceil((wanted - sums.checked) * max(1.0, sums.calls / sums.checked))
    elif sums.promised:
        word, reason = "unproven", ramp_reason("ramp_not_checked", count=sums.promised)
    return [(word, reason)], needed


def _meant(meaning: PairMeaning, borne: frozenset[str]) -> list[tuple[PairWord, RampReason]]:
    """What the new version's values mean beside those of old ones. That too little was seen makes
    no pair unproven: many services log no payloads.
    """
    if meaning.changes:
        word: PairWord = "accepted" if "meaning" in borne else "broken"
        return [
            (
                word,
                ramp_reason(
                    "ramp_meaning_changed",
                    operation=change.place.operation,
                    side=change.place.side,
                    pointer=change.place.pointer or "/",
                    change=change.code,
                    kind=change.kind,
                    old_share=change.old_share,
                    new_share=change.new_share,
                    factor=change.factor,
                ),
            )
            for change in meaning.changes
        ]
    if meaning.passed_over:
        return [("proven", ramp_reason("ramp_meaning_not_compared", count=meaning.payloads))]
    if not meaning.against:
        return [("proven", ramp_reason("ramp_meaning_not_held", count=meaning.payloads))]
    words: list[tuple[PairWord, RampReason]] = []
    if meaning.upper is not None:
        words.append(
            (
                "proven",
                ramp_reason("ramp_meaning_alike", of=meaning.payloads, share=meaning.upper),
            )
        )
    if min(meaning.payloads, meaning.against) < ENOUGH_PAYLOADS:
        few = ramp_reason(
            "ramp_meaning_few",
            count=min(meaning.payloads, meaning.against),
            wanted=ENOUGH_PAYLOADS,
        )
        words.append(("proven", few))
    return words


def _harms(harms: Sequence[Harm], first: RampCell) -> list[Harm]:
    """Those of the pair, open ones first."""
    own = [
        harm
        for harm in harms
        if _is_on(harm, first)
        and harm.callee_version in ("", first.callee_version)
        and harm.caller_version in ("", first.caller_version)
    ]
    return sorted(own, key=lambda harm: harm.accepted)


def _is_on(harm: Harm, first: RampCell) -> bool:
    """What values mean is the same to all who get them; all else is of one edge."""
    if harm.signal != "meaning":
        return (harm.caller, harm.callee) == (first.caller, first.callee)
    return harm.callee == first.callee if harm.callee_version else harm.caller == first.caller


def _told(harm: Harm) -> tuple[PairWord, RampReason]:
    parameters = {"finding": harm.finding, "signal": harm.signal}
    if harm.accepted:
        return "accepted", ramp_reason("ramp_finding_accepted", **parameters)
    return "broken", ramp_reason("ramp_finding", **parameters)


def _failures(
    inputs: PairInputs,
    cells: Sequence[RampCell],
    reference: Sequence[RampCell],
    sums: Sums,
) -> tuple[tuple[PairWord, RampReason], int | None]:
    """Whether the pair surely fails no more than the established one, step by step and operation by
    operation; and about how many calls that wants beside those it has.
    """
    settings = inputs.settings
    keys = sorted({(cell.at, cell.operation) for cell in (*cells, *reference)})
    places = {key: place for place, key in enumerate(keys)}
    new, old = (_columns(side, places) for side in (cells, reference))
    by_step = sorted({cell.at for cell in reference})
    steps = _columns(
        reference, {(at, ""): place for place, at in enumerate(by_step)}, by_step=True
    )
    failing = bounds(
        new,
        old,
        (sums.bad, sums.calls),
        settings.equivalence_alpha,
        dispersion(*steps),
        settings.floor_difference,
    )
    alike = failing.difference_high < settings.floor_difference or (
        failing.ratio_high is not None and failing.ratio_high < settings.floor_ratio
    )
    share = sums.bad / max(sums.calls, 1)
    values = {
        "count": sums.bad,
        "of": sums.calls,
        "share": share,
        "upper": upper_share(sums.bad, sums.calls),
    }
    if not sums.calls:
        return ("unproven", ramp_reason("ramp_no_calls")), None
    if alike:
        return ("proven", ramp_reason("ramp_errors_alike", **values)), None
    needed = (
        None if failing.calls_needed is None else max(1, ceil(failing.calls_needed - sums.calls))
    )
    code: RampCode = "ramp_errors_more" if needed is None else "ramp_errors_open"
    return ("unproven", ramp_reason(code, **values)), needed


def _columns(
    cells: Iterable[RampCell], places: Mapping[tuple[int, str], int], *, by_step: bool = False
) -> tuple[Ints, Ints]:
    bad, calls = (np.zeros(len(places), np.int64) for _ in range(2))
    for cell in cells:
        place = places[cell.at, "" if by_step else cell.operation]
        bad[place] += cell.bad
        calls[place] += cell.calls
    return bad, calls


def _pace(cells: Sequence[RampCell], inputs: PairInputs) -> float:
    """Calls a second over the newest steps."""
    since = inputs.at - RATE_STEPS * inputs.step
    lately = [cell.calls for cell in cells if cell.at >= since]
    first = min((cell.at for cell in cells), default=inputs.at)
    return sum(lately) / max(1, inputs.at - max(since, first))


@dataclass(frozen=True, slots=True)
class _Paths:
    by_pair: Mapping[tuple[str, ...], Counter[tuple[str, str]]]
    by_edge: Mapping[tuple[str, ...], Counter[tuple[str, str]]]

    def thin_of(self, first: RampCell) -> tuple[list[ThinPath], list[ThinPath]]:
        """Thin paths, those that matter most first; and of these the ones that are usual."""
        seen, everywhere = (
            self.by_pair.get(first.pair, Counter()),
            self.by_edge.get(first.edge, Counter()),
        )
        total = sum(everywhere.values()) - sum(seen.values())
        thin: list[ThinPath] = []
        usual: list[ThinPath] = []
        for key, count in everywhere.most_common():
            # a failure proves no path, and its absence lacks nothing
            if key[1] in FAILURES or key[1].startswith("5") or upper_share(0, seen[key]) <= THIN:
                continue
            path = ThinPath(key[0], key[1], seen[key], count - seen[key])
            thin.append(path)
            if total and path.elsewhere >= USUAL * total:
                usual.append(path)
        return thin, usual


def _paths(inputs: PairInputs, by_pair: Mapping[tuple[str, ...], Sequence[RampCell]]) -> _Paths:
    """Paths by what API logs tell, the status; of pairs that have none, by how calls ended."""
    logged: dict[tuple[str, str, str], Counter[tuple[str, str]]] = {}
    for path in inputs.paths:
        key = (path.caller, path.caller_version, path.callee_version)
        logged.setdefault(key, Counter())[path.operation, path.ending] += path.exchanges
    of_pair: dict[tuple[str, ...], Counter[tuple[str, str]]] = {}
    of_edge: dict[tuple[str, ...], Counter[tuple[str, str]]] = {}
    told_edges = {
        cells[0].edge
        for cells in by_pair.values()
        if (cells[0].caller, cells[0].caller_version, cells[0].callee_version) in logged
    }
    for pair, cells in by_pair.items():
        first = cells[0]
        counted: Counter[tuple[str, str]] = Counter()
        if first.edge in told_edges:
            counted.update(
                logged.get((first.caller, first.caller_version, first.callee_version), {})
            )
        else:
            for cell in cells:
                counted.update(
                    {
                        (cell.operation, ending): count
                        for ending, count in cell.outcomes.items()
                        if count
                    }
                )
        of_pair[pair] = counted
        of_edge.setdefault(first.edge, Counter()).update(counted)
    return _Paths(of_pair, of_edge)
