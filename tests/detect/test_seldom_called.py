"""Who is called seldom is silent for long, and there all the same: ramps of 20 calls an hour."""

import random

import pytest

from monitor.detect.ramps.presence import Slot, ages, appearances, began, live_at

FINE, HOUR, LEAST = 300, 3600, 900
RAMP, END = 3 * HOUR, 9 * HOUR


def slots(calls: list[tuple[int, str]]) -> list[Slot]:
    """Calls (s, version) as slots of five minutes."""
    held: dict[tuple[int, str], list[int]] = {}
    for at, version in calls:
        held.setdefault((at // FINE * FINE, version), []).append(at // 10 * 10)
    return [
        Slot(at, version, min(times), max(times), len(times), len(times), 1)
        for (at, version), times in held.items()
    ]


def seldom(seed: int, share: float) -> list[tuple[int, str]]:
    """Twenty calls an hour by chance, of the new version a share from `RAMP` on, until `END`."""
    chance = random.Random(seed)
    calls, at = [], 0.0
    while (at := at + chance.expovariate(20 / HOUR)) < END:
        calls.append((int(at), "new" if at >= RAMP and chance.random() < share else "old"))
    return calls


def told(calls: list[tuple[int, str]], at: int) -> tuple[int | None, dict[str, str]]:
    """When the ramp began and how old each live version is, as told at that time."""
    seen = appearances(slots([call for call in calls if call[0] < at]), LEAST)
    alive = live_at(seen, at)
    return began(alive), dict(ages(alive, {}, 0))


@pytest.mark.parametrize("share", [0.3, 0.5])
def test_a_ramp_of_few_calls_is_one_ramp(share: float) -> None:
    """Of 20 runs looked at every quarter of an hour, from the fifth call of the new version on."""
    wrong = looks = 0
    for seed in range(20):
        calls = seldom(seed, share)
        new = [at for at, version in calls if version == "new"]
        for at in range(new[4] + 10, END, LEAST):
            looks += 1
            wrong += told(calls, at) != (new[0] // 10 * 10, {"old": "old", "new": "new"})
    assert looks > 300
    assert wrong <= 0.03 * looks


def test_who_is_called_all_the_time_is_gone_after_the_least_silence() -> None:
    calls = [(at, "old") for at in range(0, HOUR, 10)]
    calls += [(at, "new") for at in range(HOUR - 300, 2 * HOUR, 10)]
    assert told(calls, HOUR + LEAST - 60)[0] == HOUR - 300
    assert told(calls, HOUR + LEAST + 60) == (None, {"new": "old"})


def test_the_old_version_that_comes_back_is_old() -> None:
    calls = [(at, "1") for at in range(0, HOUR, 10)]
    calls += [(at, "2") for at in range(HOUR, 4 * HOUR, 10)]
    calls += [(at, "1") for at in range(3 * HOUR, 4 * HOUR, 10)]
    assert told(calls, 4 * HOUR) == (3 * HOUR, {"1": "old", "2": "new"})


def test_a_version_that_was_seen_once_is_not_live_for_ever() -> None:
    calls = [(at, "old") for at in range(0, END, 180)]
    calls.append((RAMP, "new"))
    first = next(at for at in range(RAMP + 10, END, 60) if told(calls, at)[0] is None)
    assert LEAST < first - RAMP <= 2 * HOUR
