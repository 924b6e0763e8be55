"""F1, false positives and attribution on made-up canaries: `python -m tests.bench.bench_canaries
[groups] [first seed] [grain]`.
"""

import sys
from collections import Counter
from datetime import timedelta

import numpy as np

from monitor.detect.judging.verdict import judge
from monitor.detect.measure.series import Around
from monitor.detect.settings import JudgeSettings
from tests.bench.bench_detection import upper_bound
from tests.bench.canaries import AFTER, Case, Release, case
from tests.detect.traffic import START

SETTINGS = JudgeSettings()


def blamed(group: Case, release: Release) -> tuple[bool, str]:
    """Whether the release's verdict fails, and by which signals."""
    deploy = group.deploys[release.service]
    cells = [
        cell for cell in group.cells if release.service in (cell.edge.caller, cell.edge.callee)
    ]
    sightings = [seen for seen in group.sightings if seen.service == release.service]
    others = [other for other in group.deploys.values() if other.id != deploy.id]
    now = START + timedelta(seconds=10 * AFTER + 65)
    verdict, findings = judge(deploy, cells, sightings, others, SETTINGS, now)
    if any("leg" in finding.evidence.details for finding in findings):
        neighbours = [
            cell
            for cell in group.cells
            if release.service not in (cell.edge.caller, cell.edge.callee)
        ]
        verdict, findings = judge(
            deploy, cells, sightings, others, SETTINGS, now, around=Around(neighbours)
        )
    return verdict.outcome == "fail", ", ".join(
        sorted({f"{f.signal} {f.strength} {f.role}" for f in findings})
    )


def f1_bounds(groups: list[tuple[int, int, int]]) -> tuple[float, float]:
    """95 % bounds of F1 by drawing whole groups anew; (found, false, missed) of each."""
    rng = np.random.default_rng(0)
    counts = np.array(groups)
    drawn = [counts[rng.integers(len(counts), size=len(counts))].sum(axis=0) for _ in range(2000)]
    low, high = np.quantile(
        [2 * true / max(2 * true + false + missed, 1) for true, false, missed in drawn],
        [0.025, 0.975],
    )
    return float(low), float(high)


def main() -> None:
    """Print recall by fault, false positives, F1 and attribution."""
    groups = int(sys.argv[1]) if len(sys.argv) > 1 else 60
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    grain = int(sys.argv[3]) if len(sys.argv) > 3 else 1
    hits: Counter[str] = Counter()
    bad: Counter[str] = Counter()
    false = benign = named = wrong = 0
    outcomes: list[tuple[int, int, int]] = []
    for seed in range(first, first + groups):
        group = case(seed, grain=grain)
        blame = {release.service: blamed(group, release) for release in group.releases}
        guilty = [release for release in group.releases if release.fault]
        caught = sum(blame[release.service][0] for release in guilty)
        outcomes.append(
            (caught, sum(fails for fails, _ in blame.values()) - caught, len(guilty) - caught)
        )
        for release in group.releases:
            fails, why = blame[release.service]
            kind = release.fault or "benign"
            if release.fault:
                bad[kind] += 1
                hits[kind] += fails
            else:
                benign += 1
                false += fails
            if fails != bool(release.fault):
                print(
                    f"  seed {seed} {release.service} {kind} {release.style} size {release.size:.2f} share {release.share}: {why or 'nothing'}"
                )
        accused = [service for service, (fails, _) in blame.items() if fails]
        if guilty and accused:
            named += guilty[0].service in accused
            wrong += any(service != guilty[0].service for service in accused)
    true = sum(hits.values())
    missed = sum(bad.values()) - true
    print(f"{groups} groups, {sum(bad.values())} bad and {benign} benign releases")
    for kind, count in sorted(bad.items()):
        print(f"  {kind:<8} found {hits[kind]:>3} of {count}")
    print(
        f"  false positives {false} of {benign} ({false / max(benign, 1):.1%}, at most {upper_bound(false, benign):.1%})"
    )
    low, high = f1_bounds(outcomes)
    print(
        f"  F1 {2 * true / max(2 * true + false + missed, 1):.3f} ({low:.3f} to {high:.3f}); of bad groups with an accused, {named} name the guilty one, {wrong} also or only another"
    )


if __name__ == "__main__":
    main()
