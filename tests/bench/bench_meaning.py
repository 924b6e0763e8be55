"""How often a change of meaning under an unchanged schema is told, and how often one that is not
there: planted changes, harmless drift, version pairs by seed.

python -m tests.bench.bench_meaning [--pairs N] [--payloads N] [--seed N]
"""

import argparse
import random
import time
from collections import Counter, defaultdict
from dataclasses import replace

from monitor.detect.evidence.meaning import meaning_changes
from monitor.model.meaning import MeaningChange
from tests.bench.meaning_traffic import (
    HARMLESS,
    OPERATION,
    PLANTED,
    Traffic,
    all_drift,
    drawn,
    sketches,
)


def told(old: Traffic, new: Traffic, payloads: int, draw: random.Random) -> list[MeaningChange]:
    """What is told of a pair of versions."""
    before, after = (sketches(traffic, payloads, draw) for traffic in (old, new))
    return meaning_changes({OPERATION: before}, {OPERATION: after})


def run(
    pairs: int, payloads: int, seed: int
) -> tuple[dict[str, list[bool]], dict[str, list[int]]]:
    """Of each planted change whether it was told, of each drift how many changes were told that
    are none. Half of the planted ones have all drift beside them.
    """
    found: dict[str, list[bool]] = defaultdict(list)
    false: dict[str, list[int]] = defaultdict(list)
    shown: Counter[tuple[str, str, str]] = Counter()
    for number in range(pairs):
        for name, planted in PLANTED.items():
            draw = random.Random(f"{seed} {number} {name}")
            traffic = drawn(draw)
            drift = all_drift(traffic, draw) if number % 2 else traffic
            changes = told(traffic, replace(drift, change=planted.make(draw)), payloads, draw)
            found[name].append(any(it.place.pointer in planted.pointers for it in changes))
            others = [it for it in changes if it.place.pointer not in planted.pointers]
            others = [it for it in others if not _below(it.place.pointer, planted.pointers)]
            false[f"beside {name}"].append(len(others))
            shown.update((name, it.place.pointer, it.code) for it in others)
        for name, drifts in (*HARMLESS.items(), ("all drift", all_drift)):
            draw = random.Random(f"{seed} {number} {name}")
            traffic = drawn(draw)
            changes = told(traffic, drifts(traffic, draw), payloads, draw)
            false[name].append(len(changes))
            shown.update((name, it.place.pointer, it.code) for it in changes)
    for (name, pointer, code), count in shown.most_common(12):
        print(f"    told without cause: {name}: {pointer} {code}: {count}")
    return found, false


def _below(pointer: str, planted: frozenset[str]) -> bool:
    return any(pointer.startswith(f"{place}/") for place in planted)


def main() -> None:
    """Print recall and false findings."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--pairs", type=int, default=20, help="version pairs of each kind")
    parser.add_argument("--payloads", type=int, default=2_000, help="of each version")
    parser.add_argument("--seed", type=int, default=1)
    asked = parser.parse_args()
    began = time.process_time()
    found, false = run(asked.pairs, asked.payloads, asked.seed)
    print(
        f"{asked.payloads} payloads a version, {asked.pairs} pairs of each kind, seed {asked.seed}"
    )
    for name, hits in found.items():
        print(f"  {name:28} told {sum(hits)} of {len(hits)}")
    hits = [hit for of in found.values() for hit in of]
    print(f"  recall {sum(hits) / len(hits):.1%} of {len(hits)}")
    for name in (*HARMLESS, "all drift"):
        pairs = false[name]
        print(f"  {name:28} pairs with a false finding: {sum(map(bool, pairs))} of {len(pairs)}")
    harmless = [count for name in (*HARMLESS, "all drift") for count in false[name]]
    beside = [count for name, of in false.items() if name.startswith("beside") for count in of]
    for word, counts in (("harmless", harmless), ("beside a planted one", beside)):
        bad = sum(map(bool, counts))
        print(
            f"  {word}: {bad} of {len(counts)} pairs have a false finding ({bad / len(counts):.1%})"
        )
    print(f"  {time.process_time() - began:.1f} CPU s")


if __name__ == "__main__":
    main()
