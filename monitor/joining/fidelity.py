"""Mocks beside reality: each stub's answer against the live ones that it stands for, by rows of
`mocks_met_of`.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Literal

from monitor.contracts.mocking import asks_for, by_place
from monitor.contracts.skeleton import Node
from monitor.contracts.stubs import Stub
from monitor.detect.ramps.bounds import lower_share, upper_share
from monitor.joining.stubs_met import StubMet, counted, maps_by_stub, stands_for
from monitor.model.mocks import Fidelity, MockCode, MockFinding, MockReason, StubScore
from monitor.model.quantiles import quantile

MOST_FINDINGS = 1_000
FEW = 3
"""So often a status must be seen before a mock is said to lack it."""
MOST_HAVE = 0.5
"""A field that the mock lacks is a drift where surely more than this share of answers have it."""
NEVER = 0.1
"""A status that is never live is surely below this share: 36 exchanges show it."""
TIMES, APART_MS = 2.0, 20.0
"""A delay drifts by more than this factor and so many ms; the live median is taken of 30 calls."""
ENOUGH_TIMES = 30
SLOW_MS = 1_000.0
"""A stub without a delay is told where one live answer in twenty takes longer."""
_CODES: Mapping[str, MockCode] = {
    "gone": "stale",
    "type": "type_drift",
    "more": "outside_matchers",
}
_ORDER: Sequence[MockCode] = (
    "stale",
    "type_drift",
    "matcher_broken",
    "status_never_live",
    "status_never_mocked",
    "latency_drift",
    "sometimes_absent",
    "outside_matchers",
    "missing",
    "dead",
)
_MET: Sequence[Literal["predicate", "perhaps", "operation"]] = (
    "predicate",
    "perhaps",
    "operation",
)


def fidelity(stubs: Sequence[Stub], rows: Iterable[Mapping[str, Any]]) -> Fidelity:
    """The verdict on a mock. Without traffic it is undecided, never faithful."""
    rows = list(rows)
    maps = maps_by_stub(stubs, rows)
    met = {stub.name: StubMet(stub, maps=maps[stub.name]) for stub in stubs}
    missing = Counter[tuple[str, int]]()
    by_missing: dict[tuple[str, int], set[str]] = {}
    live: dict[str, Counter[int]] = {}
    nodes: dict[str, Node] = {}
    looked_at = 0
    for row in rows:
        count = stands_for(row)
        looked_at += int(row["exchanges"]) if row["word"] == "call" else 0
        if row["word"] == "call" and row["status"]:
            live.setdefault(row["operation"], Counter())[row["status"]] += count
        if not row["interaction"]:
            missing[(row["operation"], row["status"])] += count
            by_missing.setdefault((row["operation"], row["status"]), set()).add(
                row["callee_version"]
            )
        elif row["interaction"] in met:
            counted(met[row["interaction"]], row, nodes)
    total = sum(counts.total() for counts in live.values())
    findings = [finding for entry in met.values() for finding in _of_stub(entry, total)]
    findings += _never_mocked(list(met.values()), live)
    findings += [
        _finding(
            "missing",
            "",
            "",
            operation,
            status,
            ("", "", ""),
            (count, total),
            by_missing[key],
            gap=True,
        )
        for key, count in missing.items()
        for operation, status in [key]
    ]
    seen = looked_at / total if total else 1.0
    findings = [_bounded(finding, seen) for finding in findings]
    findings.sort(
        key=lambda finding: (finding.gap, _ORDER.index(finding.code), -finding.exchanges)
    )
    return _verdict(list(met.values()), findings, total, total - missing.total())


def _bounded(finding: MockFinding, seen: float) -> MockFinding:
    """With the limits that so many allow as were looked at, which is fewer where many are alike."""
    of = round(finding.of * seen)
    count = min(round(finding.exchanges * seen), of)
    return replace(finding, lower=lower_share(count, of), upper=upper_share(count, of))


def _of_stub(entry: StubMet, total: int) -> Iterable[MockFinding]:
    stub = entry.stub
    if not entry.met & {"predicate", "perhaps"}:
        if total:
            yield _finding(
                "dead", stub.name, stub.clause, entry.operation, stub.status,
                ("", "", ""), (0, total), set(), gap=True,
            )  # fmt: skip
        if not entry.exchanges:
            return
    for (code, pointer, expected, actual), (count, versions) in by_place(
        entry.differing, entry.versions
    ).items():
        parent = pointer if code == "type" else pointer.rpartition("/")[0]
        of = max(entry.places[pointer if code != "more" else parent], count)
        kind: MockCode = _CODES[code]
        if code == "gone" and (count < of or actual != "absent"):
            kind = "sometimes_absent"
        yield _finding(
            kind, stub.name, stub.clause, entry.operation, stub.status, (pointer, expected, actual),
            (count, of), versions, gap=_is_gap(kind, count, of),
        )  # fmt: skip
    for refused, count in entry.refused.items():
        rule, pointer, clause, expected, actual = refused
        yield _finding(
            "matcher_broken", stub.name, clause, entry.operation, stub.status,
            (pointer, f"{rule}: {expected}" if rule != expected else rule, actual),
            (count, max(entry.of_status, count)), entry.versions[refused],
        )  # fmt: skip
    yield from _status(entry)
    yield from _latency(entry)


def _is_gap(kind: MockCode, count: int, of: int) -> bool:
    """Whether a difference of bodies is no drift: not all have it, or, of a field more, which
    harms nobody, it is not sure that most have it (1 of 1; six of six are enough).
    """
    if kind == "outside_matchers":
        return count < of or lower_share(count, of) < MOST_HAVE
    return kind == "sometimes_absent" and count < of


def _status(entry: StubMet) -> Iterable[MockFinding]:
    """Whether the real one ever answers with the stub's status."""
    stub, judged = entry.stub, entry.judged
    if entry.of_status or not judged:
        return
    versions = {version for _, _, version in entry.calls}
    usual = ", ".join(str(status) for status, _ in entry.statuses.most_common(3))
    yield _finding(
        "status_never_live", stub.name, stub.clause, entry.operation, stub.status,
        ("", str(stub.status), usual), (judged, judged), versions,
        gap=upper_share(0, judged) > NEVER,
    )  # fmt: skip


def _latency(entry: StubMet) -> Iterable[MockFinding]:
    calls = entry.times.total()
    if calls < ENOUGH_TIMES:
        return
    p50, p95 = (1000 * (quantile(entry.times, share) or 0.0) for share in (0.5, 0.95))
    stub, delay = entry.stub, entry.stub.delay
    live = _times(p50, p95)
    if delay is None:
        if p95 >= SLOW_MS:
            yield _finding(
                "latency_drift", stub.name, stub.clause, entry.operation, stub.status,
                ("", "no delay", live), (calls, calls), set(), gap=True,
            )  # fmt: skip
        return
    least = delay.median if delay.median is not None else delay.least
    most = delay.median if delay.median is not None else (delay.most or delay.least)
    slower = p50 > most * TIMES and p50 - most > APART_MS
    quicker = p50 * TIMES < least and least - p50 > APART_MS
    if slower or quicker:
        promised = f"{least:g} ms" if least == most else f"{least:g} to {most:g} ms"
        yield _finding(
            "latency_drift", stub.name, stub.clause, entry.operation, stub.status,
            ("", promised, live), (calls, calls), set(),
        )  # fmt: skip


def _times(p50: float, p95: float) -> str:
    return f"p50 {p50:.3g} ms, p95 {p95:.3g} ms"


def _never_mocked(
    entries: Sequence[StubMet], live: Mapping[str, Counter[int]]
) -> Iterable[MockFinding]:
    """Statuses that the real one answers an operation with, and none of its stubs."""
    for operation, statuses in live.items():
        verb, _, rest = operation.partition(" ")
        route = rest.partition(" ")[0]  # of GraphQL the question stands behind it
        own = [
            entry
            for entry in entries
            if operation in entry.operations
            or asks_for(entry.stub.method, entry.stub.path, verb, route)
        ]
        if not any(entry.exchanges for entry in own):
            continue
        mocked = {entry.stub.status for entry in own}
        total = statuses.total()
        for status, count in statuses.items():
            if status in mocked:
                continue
            versions = {
                version
                for entry in own
                for (name, answered, version) in entry.calls
                if name == operation and answered == status
            }
            yield _finding(
                "status_never_mocked", "", own[0].stub.clause, operation, status,
                ("", ", ".join(map(str, sorted(mocked))), str(status)), (count, total), versions,
                gap=count < FEW,
            )  # fmt: skip


def _finding(
    code: MockCode,
    stub: str,
    clause: str,
    operation: str,
    status: int,
    place: tuple[str, str, str],
    counts: tuple[int, int],
    versions: Iterable[str],
    *,
    gap: bool = False,
) -> MockFinding:
    count, of = counts
    return MockFinding(
        *(code, gap, stub, clause, operation, status, *place, count, of),
        *(count / of if of else 0.0, 0.0, 1.0),
        sorted(set(versions) - {""}),
    )


def _verdict(
    entries: Sequence[StubMet], findings: Sequence[MockFinding], total: int, covered: int
) -> Fidelity:
    judged = sum(entry.judged for entry in entries)
    scores = [_score(entry) for entry in entries]
    weighed = [
        (score.score, entry.judged)
        for score, entry in zip(scores, entries, strict=True)
        if score.score is not None
    ]
    reason: MockReason = (
        "no_traffic" if not total
        else "no_stub_met" if not covered
        else "nothing_judged" if not judged
        else ""
    )  # fmt: skip
    drifted = any(not finding.gap for finding in findings)
    exit_code: Literal[0, 1, 2] = 1 if drifted else 2 if reason else 0
    return Fidelity(
        "drifted" if drifted else "undecided" if reason else "faithful",
        exit_code,
        "" if drifted else reason,
        total,
        covered,
        sum(entry.open for entry in entries),
        sum(score * weight for score, weight in weighed) / weights
        if (weights := sum(weight for _, weight in weighed))
        else None,
        scores,
        findings[:MOST_FINDINGS],
    )


def _score(entry: StubMet) -> StubScore:
    judged = entry.judged
    like = entry.like / entry.bodies if entry.bodies else 1.0
    times = entry.times
    delay = entry.stub.delay
    return StubScore(
        entry.stub.name,
        entry.stub.clause,
        sorted(entry.operations),
        entry.stub.status,
        next((word for word in _MET if word in entry.met), ""),
        entry.exchanges,
        entry.open,
        entry.bodies,
        entry.of_status / judged * like if judged else None,
        None if delay is None else delay.median if delay.median is not None else delay.least,
        *(
            None if (seconds := quantile(times, share)) is None else 1000 * seconds
            for share in (0.5, 0.95)
        ),
    )
