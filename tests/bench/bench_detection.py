"""False alarms and power of judging, by simulation: `python -m tests.bench.bench_detection [runs]
[first seed]`.

A/A: both versions behave alike while everything else happens (ramps, daily waves, bursts, shared
outages, a slow hour); every finding is false. Judged at several moments, as the detector does: a
deploy counts as alarmed when any moment raised something.
"""

import math
import sys
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import timedelta

import numpy as np

from monitor.detect.judging.verdict import judge
from monitor.detect.settings import JudgeSettings
from monitor.model.edges import EdgeCell
from tests.detect.traffic import (
    START,
    Behaviour,
    Traffic,
    cells,
    chilled,
    deploy,
    edge,
    instances,
    now_after,
    steady,
)

SETTINGS = JudgeSettings()
LOOKS = (3, 6, 12, 24, 48)
EVERY = (*range(2, 16), 24, 48)
"""A cold start is judged window by window, as the detector does: a moment too early
would show it.
"""
Case = Callable[[int], list[EdgeCell]]


def plain(seed: int) -> list[EdgeCell]:
    """Eight operations, 1 % errors, 10/30/70/100 % ramp."""
    return cells(
        [
            Traffic(edge(operation=f"GET /{n}"), 200, Behaviour(0.01), Behaviour(0.01))
            for n in range(8)
        ],
        48,
        before=60,
        seed=seed,
    )


def waves(seed: int) -> list[EdgeCell]:
    """Load and error rate rise and fall with the day, faster than any day does."""
    swing = lambda window: 1.0 + 0.8 * math.sin(window / 12.0)  # noqa: E731
    trouble = lambda window: 0.02 * (1.0 + math.sin(window / 9.0))  # noqa: E731
    return cells(
        [
            Traffic(
                edge(operation=f"GET /{n}"),
                200,
                Behaviour(0.005),
                Behaviour(0.005),
                load=swing,
                outage=trouble,
            )
            for n in range(8)
        ],
        48,
        before=60,
        seed=seed,
    )


def outages(seed: int) -> list[EdgeCell]:
    """A dependency fails 40 % of all calls for two minutes in the middle of the ramp."""
    bad = lambda window: 0.4 if 4 <= window < 16 else 0.0  # noqa: E731
    return cells(
        [
            Traffic(
                edge(operation=f"GET /{n}"), 200, Behaviour(0.002), Behaviour(0.002), outage=bad
            )
            for n in range(8)
        ],
        48,
        before=60,
        seed=seed,
    )


def bursts(seed: int) -> list[EdgeCell]:
    """Errors come in bursts of five on average, each hitting one version: what breaks every iid
    test.
    """
    rows = cells(
        [Traffic(edge(operation=f"GET /{n}"), 200) for n in range(8)],
        48,
        share=steady(0.3),
        before=90,
        seed=seed,
    )
    rng = np.random.default_rng(seed + 10_000)
    out = []
    for row in rows:
        bad = min(row.calls, int(rng.geometric(0.2, rng.poisson(row.calls * 0.002)).sum()))
        out.append(
            replace(
                row,
                failed=bad,
                outcomes={**row.outcomes, "ok": row.calls - bad, "server_error": bad},
            )
        )
    return out


def quiet(seed: int) -> list[EdgeCell]:
    """Few calls, nearly half of them ten times as slow as the rest: what makes false pages."""
    fast, slow = Behaviour(0.02), Behaviour(0.02, latency=0.2)
    halves = [
        cells(
            [Traffic(edge(operation=f"GET /{n}"), 2.5, how, how) for n in range(8)],
            48,
            share=steady(0.3),
            before=60,
            seed=2 * seed + half,
        )
        for half, how in enumerate((fast, slow))
    ]
    return [*halves[0], *halves[1]]


def wandering(seed: int) -> list[EdgeCell]:
    """Errors wander slowly (AR(1) on the log, a factor of two either way) and the same for both
    versions; 10/30/70/100 % ramp.
    """
    return cells(_restless(seed), 48, before=90, seed=seed)


def at_once(seed: int) -> list[EdgeCell]:
    """The same, and the new version takes all traffic at once: only before and after can be
    compared.
    """
    return cells(_restless(seed), 48, share=steady(1.0), before=90, seed=seed)


COLD = Behaviour(latency=0.06, timeout=0.2)
FLEET = (0, 3, 6)
"""Windows in which the new version's instances begin, one after the other."""


def cold(seed: int) -> list[EdgeCell]:
    """The new version's first 20 s are three times as slow."""
    return chilled(_fleet(seed), lambda window: float(window < 2), Behaviour(latency=0.06), seed)


def cold_minute(seed: int) -> list[EdgeCell]:
    """For 60 s from the middle of a window it is three times as slow and a fifth of its calls time
    out.
    """
    return chilled(
        _fleet(seed), lambda window: 1.0 if window < 6 else 0.5 if window == 6 else 0.0, COLD, seed
    )


def cold_fleet(seed: int) -> list[EdgeCell]:
    """Three instances begin 30 s apart, each cold for 50 s; sightings tell how many calls each
    answered.
    """
    fresh = lambda window: (  # noqa: E731
        sum(start <= window < start + 5 for start in FLEET)
        / sum(start <= window for start in FLEET)
        if window >= 0
        else 0.0
    )
    return chilled(_fleet(seed), fresh, COLD, seed)


def _fleet(seed: int) -> list[EdgeCell]:
    return cells(
        [Traffic(edge(operation=f"GET /{n}"), 200) for n in range(8)], 48, before=60, seed=seed
    )


def _restless(seed: int) -> list[Traffic]:
    rng = np.random.default_rng(seed + 20_000)
    traffic = []
    for number in range(8):
        level = np.zeros(160)
        for place in range(1, level.size):
            level[place] = 0.9 * level[place - 1] + 0.15 * rng.standard_normal()
        errors = 0.01 * np.exp(level)
        traffic.append(
            Traffic(
                edge(operation=f"GET /{number}"),
                200,
                outage=lambda window, errors=errors: float(errors[window + 100]),
            )
        )
    return traffic


def slow_hour(seed: int) -> list[EdgeCell]:
    """Everything gets three times slower for both versions in the middle."""
    usual = cells(
        [Traffic(edge(operation=f"GET /{n}"), 200) for n in range(4)],
        48,
        share=steady(0.3),
        before=60,
        seed=seed,
    )
    slow = cells(
        [
            Traffic(
                edge(operation=f"GET /{n}"), 200, Behaviour(latency=0.06), Behaviour(latency=0.06)
            )
            for n in range(4)
        ],
        48,
        share=steady(0.3),
        before=60,
        seed=seed + 1,
    )
    middle = (START + timedelta(seconds=120), START + timedelta(seconds=300))
    return [row for row in usual if not middle[0] <= row.window < middle[1]] + [
        row for row in slow if middle[0] <= row.window < middle[1]
    ]


def alarmed(
    rows: Sequence[EdgeCell], looks: Sequence[int] = LOOKS, begins: Sequence[int] = ()
) -> int | None:
    """Windows until something was found; None for nothing at any look. `begins`: when the new
    version's instances do.
    """
    for look in looks:
        part = [row for row in rows if row.window < START + timedelta(seconds=10 * look)]
        seen = (
            [*instances((0,), look, version="1.9.0"), *instances(begins, look)] if begins else []
        )
        if judge(deploy(), part, seen, (), SETTINGS, now_after(look))[1]:
            return look
    return None


def upper_bound(hits: int, runs: int) -> float:
    """The largest chance at which so few hits in `runs` are seen in 5 % of cases: one-sided 95 %
    (Clopper and Pearson).
    """
    low, high = hits / runs, 1.0
    for _ in range(50):
        middle = (low + high) / 2
        few = sum(
            math.comb(runs, k) * middle**k * (1.0 - middle) ** (runs - k) for k in range(hits + 1)
        )
        low, high = (middle, high) if few > 0.05 else (low, middle)
    return high


def planted(
    new: Behaviour,
    calls: float = 200,
    old: Behaviour | None = None,
    before: int = 12,
    **more: object,
) -> Case:
    """One bad operation among six; ramp 10/30/70/100 %, three windows each, two minutes of history
    unless said.
    """

    def rows(seed: int) -> list[EdgeCell]:
        bad = Traffic(edge(), calls, old or Behaviour(), new, **more)  # type: ignore[arg-type]  # a bench's shorthand
        return cells(
            [bad, *(Traffic(edge(operation=f"GET /{n}"), calls) for n in range(5))],
            24,
            before=before,
            seed=seed,
        )

    return rows


HARMS: dict[str, Case] = {
    "violations 100 % against 0 %": planted(Behaviour(violated=1.0)),
    "latency +150 ms on 20 ms": planted(Behaviour(latency=0.17)),
    "one caller version fails 100 %": planted(
        Behaviour(),
        callers={"1.2.3": 0.3, "1.3.0": 0.7},
        pairs={"1.2.3": Behaviour(server_error=1.0)},
    ),
    "latency x2": planted(Behaviour(latency=0.04)),
    "latency x2, instances one by one": planted(Behaviour(latency=0.04)),
    "timeouts 0 % to 20 %": planted(Behaviour(timeout=0.2)),
    "latency +40 %": planted(Behaviour(latency=0.028)),
    "latency +40 %, 2000 calls": planted(Behaviour(latency=0.028), 2000),
    "violations 2 % against 0 %": planted(Behaviour(violated=0.02)),
    "one caller version (10 %) fails 30 %": planted(
        Behaviour(),
        callers={"1.2.3": 0.1, "1.3.0": 0.9},
        pairs={"1.2.3": Behaviour(server_error=0.3)},
    ),
    "errors 0 % to 2 %": planted(Behaviour(server_error=0.02)),
    "errors 1 % to 3 %": planted(Behaviour(server_error=0.03), old=Behaviour(server_error=0.01)),
    "errors 1 % to 5 %, half an hour before": planted(
        Behaviour(server_error=0.05), old=Behaviour(server_error=0.01), before=180
    ),
    "errors 1 % to 5 %": planted(Behaviour(server_error=0.05), old=Behaviour(server_error=0.01)),
    "errors 0.5 % to 1.5 %": planted(
        Behaviour(server_error=0.015), 2000, Behaviour(server_error=0.005)
    ),
}


def main() -> None:
    """Print both tables."""
    runs = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    first = int(sys.argv[2]) if len(sys.argv) > 2 else 0
    print(
        f"A/A deploys alarmed at any of the looks after {LOOKS} windows (cold starts: {EVERY}), alpha {SETTINGS.alpha:.0%}"
    )
    for case in (
        plain,
        waves,
        outages,
        bursts,
        quiet,
        slow_hour,
        wandering,
        at_once,
        cold,
        cold_minute,
        cold_fleet,
    ):
        looks, begins = (
            EVERY if "cold" in case.__name__ else LOOKS,
            FLEET if case is cold_fleet else (),
        )
        alarms = sum(
            alarmed(case(seed), looks, begins) is not None for seed in range(first, first + runs)
        )
        most = upper_bound(alarms, runs)
        print(
            f"  {case.__name__:<12} {alarms:>4} of {runs}  {alarms / runs:6.2%} (at most {most:.1%})",
            flush=True,
        )
    print(
        "Planted harms: found by windows of 10 s after first traffic (share of runs), ramp 10/30/70/100 %"
    )
    looks = (2, 3, 4, 6, 8, 9, 12, 18)
    for name, rows in HARMS.items():
        begins = FLEET if "one by one" in name else ()
        moments = [
            alarmed(rows(seed), looks, begins) for seed in range(first, first + max(20, runs // 5))
        ]
        shares = "  ".join(
            f"{look}: {sum(moment is not None and moment <= look for moment in moments) / len(moments):5.0%}"
            for look in looks
        )
        print(f"  {name:<40} {shares}  ({len(moments)} runs)", flush=True)
    big = cells(
        [
            Traffic(edge(operation=f"GET /{n}"), 100, callers={"1.0.0": 0.5, "1.1.0": 0.5})
            for n in range(60)
        ],
        168,
        share=steady(0.3),
    )
    started = time.process_time()
    judge(deploy(), big, (), (), SETTINGS, now_after(168))
    print(
        f"One judgement of 60 edges x 180 windows x 4 version pairs ({len(big)} cells): {time.process_time() - started:.2f} CPU-s"
    )


if __name__ == "__main__":
    main()
