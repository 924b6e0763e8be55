"""This tree's speed of checking beside another's: python -m tests.bench.paired FOLDER [--rounds N]
[--batch N].

FOLDER is another work tree (`git worktree add FOLDER COMMIT`). Both check the same records of
bench_exchanges in turns, a batch each, in processes of their own with this environment's packages:
what else the machine does, it does to both. The least time of a tree comes nearest to what a quiet
machine needs, the median is what it took here.
"""

import argparse
import statistics
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path

import orjson

HERE = Path(__file__).resolve().parents[2]


def work(batch: int) -> None:
    """Answer each line with the CPU seconds of one batch, in the tree that stands first on the
    path.
    """
    import monitor
    from monitor.clock import system_clock
    from monitor.contracts.registry import Registry
    from monitor.model.contracts import Revision
    from monitor.store import open_store
    from pipelines.api_logs import ApiLogSettings, api_logs
    from tests.bench.bench_exchanges import CONTRACT, records
    from tests.pipelines.written import Given

    assert Path.cwd() in Path(monitor.__file__).parents, monitor.__file__
    made, always = records(2 * batch, batch), datetime(1970, 1, 1, tzinfo=UTC)
    document = orjson.dumps(CONTRACT).decode()
    known = Registry(
        [
            Revision(
                "orders", 1, "openapi", "orders", "", "", "", always, None, document, "x", always
            )
        ]
    )
    with tempfile.TemporaryDirectory() as folder:
        store = open_store(f"chdb://{folder}/telemetry")
        for at, _ in enumerate(sys.stdin):
            cpu = time.process_time()
            for _ in api_logs(
                Given(made[at % 2]), store, lambda: known, ApiLogSettings(), system_clock
            ):
                pass
            print(time.process_time() - cpu, flush=True)
        store.close()


def main() -> None:
    """Run both trees in turns and print a line for each, and the ratio."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folder", type=Path, nargs="?")
    options.add_argument("--rounds", type=int, default=8)
    options.add_argument(
        "--batch",
        type=int,
        default=14_400,
        help="as many of these records fill a batch of a collector, 30 MB",
    )
    options.add_argument("--work", action="store_true", help="be one of the two")
    chosen = options.parse_args()
    if chosen.work:
        work(chosen.batch)
        return
    trees = [chosen.folder.resolve(), HERE]
    bootstrap = f"import sys, runpy; sys.path.insert(0, sys.argv[1]); sys.argv[:2] = ['paired']; runpy.run_path({str(Path(__file__))!r}, run_name='__main__')"  # fmt: skip
    command = [sys.executable, "-P", "-c", bootstrap]
    running = [
        subprocess.Popen(
            [*command, str(tree), "--work", "--batch", str(chosen.batch)], cwd=tree, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for tree in trees
    ]  # fmt: skip
    spent: list[list[float]] = [[], []]
    for turn in range(chosen.rounds + 1):
        for which, process in enumerate(running):
            assert process.stdin is not None
            assert process.stdout is not None
            process.stdin.write("\n")
            process.stdin.flush()
            seconds = float(process.stdout.readline())
            if turn:  # the first one is to get warm
                spent[which].append(seconds)
    for process in running:
        process.communicate()
    for tree, times in zip(trees, spent, strict=True):
        least, median = min(times), statistics.median(times)
        print(
            f"{tree}: {chosen.batch / median:,.0f} exchanges per CPU second (median), {chosen.batch / least:,.0f} at best; "
            f"{1e6 * median / chosen.batch:.1f} and {1e6 * least / chosen.batch:.1f} us each"
        )
    print(
        f"{statistics.median(spent[0]) / statistics.median(spent[1]):.2f} times as fast (median), {min(spent[0]) / min(spent[1]):.2f} at best"
    )


if __name__ == "__main__":
    main()
