"""What contracts cost: kinds, size, and beside the peer: python -m tests.bench.bench_contracts
[--exchanges N] [--no-peer].

* Pacts and stubs beside OpenAPI on the same exchanges, decoded anew each
  (tests.bench.bench_exchanges --kinds).
* A contract of 1 MB: CPU seconds to read it, to have the first exchange checked and to compile all
  of it, and exchanges per CPU second beside a small one.
* `seamwatch contracts check` beside Redocly's `drift`
  (https://redocly.com/docs/cli/commands/drift) on the same HAR and
  OpenAPI, where `redocly` is on the PATH: CPU seconds of the whole command, start included.
"""

import argparse
import json
import os
import random
import resource
import shutil
import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import orjson

from monitor.contracts.check import check
from monitor.contracts.read import examine, read_contract
from monitor.contracts.registry import Registry
from monitor.decode.api_logs import read_api_logs
from monitor.model.contracts import Revision
from tests.bench.bench_exchanges import CONTRACT, by_kind, order, records

LARGE_BYTES = 1_000_000


def large() -> str:
    """The contract of orders among others of its kind, each with schemas of its own, 1
    MB of JSON.
    """
    grown = json.loads(json.dumps(CONTRACT))
    text, number = json.dumps(grown), 0
    size = len(json.dumps(CONTRACT))
    while len(text) + number * size < LARGE_BYTES:
        renamed = json.dumps(CONTRACT).replace("/orders/", f"/orders{number}/")
        for name in CONTRACT["components"]["schemas"]:
            renamed = renamed.replace(f'schemas/{name}"', f'schemas/{name}{number}"').replace(
                f'"{name}":', f'"{name}{number}":'
            )
        other = json.loads(renamed)
        grown["paths"] |= other["paths"]
        grown["components"]["schemas"] |= other["components"]["schemas"]
        number += 1
    return json.dumps(grown)


def registry(document: str) -> Registry:
    """The one contract in force."""
    always = datetime(1970, 1, 1, tzinfo=UTC)
    known = Registry(
        [
            Revision(
                "orders",
                1,
                "openapi",
                "orders",
                "",
                "",
                "",
                always,
                None,
                document,
                document[:9] + str(len(document)),
                always,
            )
        ]
    )
    assert not known.broken, known.broken
    return known  # fmt: skip


def by_size(count: int) -> None:
    """Print what a large contract costs to read, and how much of a small one's speed is left under
    it; rounds take turns.
    """
    text = large()
    exchange = read_api_logs(records(1, 1)[0], "ndjson", {}).exchanges[0]
    steps = {
        "read": lambda: read_contract("openapi", text, where="large"),
        "read until the first exchange is checked, as a collector does": (
            lambda: check(exchange, registry(text))
        ),
        "read, with all schemas told to be usable": (
            lambda: read_contract("openapi", text, where="large").compile()
        ),
        "examined as a whole, as publishing does": (
            lambda: examine("openapi", text, where="large")
        ),
    }
    spent: dict[str, list[float]] = {}
    for _ in range(5):
        for name, step in steps.items():
            cpu = time.process_time()
            step()
            spent.setdefault(name, []).append(time.process_time() - cpu)
    size = len(text) / 1e6
    for name, times in spent.items():
        print(
            f"a contract of {size:.2f} MB in JSON: {1e3 * min(times) / size:,.0f} CPU ms a MB {name}"
        )
    exchanges = [
        exchange
        for batch in records(count, count)
        for exchange in read_api_logs(batch, "ndjson", {}).exchanges
    ]
    held = {"small": registry(json.dumps(CONTRACT)), "large": registry(text)}
    spent = {"small": [], "large": []}
    for _ in range(5):
        for name, known in held.items():
            cpu = time.process_time()
            for exchange in exchanges:
                check(exchange, known)
            spent[name].append(time.process_time() - cpu)
    best = {name: count / min(times) for name, times in spent.items()}
    print(
        f"checking under it: {best['large']:,.0f} exchanges per CPU second, {best['large'] / best['small']:.2f} of those under a small one"
    )


def har(count: int) -> dict[str, Any]:
    """The same orders as a recorder writes them."""
    chance = random.Random(7)
    entries = []
    for at in range(count):
        body = order(chance, broken=at % 100 == 99).decode()
        entries.append({
            "startedDateTime": "2026-09-21T14:13:20.000Z", "time": 5.0, "cache": {}, "timings": {"send": 0, "wait": 5, "receive": 0},
            "request": {"method": "GET", "url": f"https://orders.example/orders/{chance.randrange(10**6)}", "httpVersion": "HTTP/1.1", "headers": [{"name": "accept", "value": "application/json"}], "queryString": [], "cookies": [], "headersSize": -1, "bodySize": 0},
            "response": {"status": 200, "statusText": "OK", "httpVersion": "HTTP/1.1", "headers": [{"name": "content-type", "value": "application/json"}], "cookies": [], "redirectURL": "", "headersSize": -1, "bodySize": len(body), "content": {"size": len(body), "mimeType": "application/json", "text": body}},
        })  # fmt: skip
    return {
        "log": {"version": "1.2", "creator": {"name": "bench", "version": "1"}, "entries": entries}
    }


def cpu_of(command: list[str], folder: str) -> float:
    """CPU seconds of a command and its children."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    quiet = {**os.environ, "REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    done = subprocess.run(
        command, cwd=folder, env=quiet, capture_output=True, text=True, check=False
    )
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if done.returncode not in (0, 1):
        print(f"{command[0]} ended with {done.returncode}: {(done.stderr or done.stdout)[-300:]}")
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


def beside_peer(count: int) -> None:
    """Print CPU seconds of both commands for few and for many exchanges; the difference is what
    exchanges cost.
    """
    redocly = shutil.which("redocly")
    ours = str(Path(sys.executable).with_name("seamwatch"))
    document = CONTRACT | {
        "info": {"title": "orders", "version": "1"},
        "servers": [{"url": "https://orders.example"}],
    }
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "orders.json").write_text(json.dumps(document))
        commands = {
            "seamwatch contracts check": [
                ours,
                "contracts",
                "check",
                "--contract",
                "orders.json",
                "--source",
                "har",
                "--format",
                "json",
                "--traffic",
            ]
        }
        if redocly is not None:
            commands["redocly drift"] = [
                redocly,
                "drift",
                "--api",
                "orders.json",
                "--traffic-format",
                "har",
                "--format",
                "json",
            ]
        few = count // 10
        for size in (few, count):
            (Path(folder) / f"{size}.har").write_bytes(orjson.dumps(har(size)))
        for name, command in commands.items():
            start, whole = (
                min(cpu_of([*command, f"{size}.har"], folder) for _ in range(2))
                for size in (few, count)
            )
            print(
                f"{name}: {whole:.2f} CPU s for {count} exchanges of 2 KB, {start:.2f} for {few}; {1e6 * (whole - start) / (count - few):,.0f} us each"
            )
    if redocly is None:
        print("redocly drift: not measured, redocly is not on the PATH (npm install --global @redocly/cli)")  # fmt: skip


def main() -> None:
    """Run and print a line or two of each."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("--exchanges", type=int, default=10_000)
    options.add_argument("--no-peer", action="store_true")
    chosen = options.parse_args()
    by_kind(records(chosen.exchanges, chosen.exchanges))
    by_size(chosen.exchanges)
    if not chosen.no_peer:
        beside_peer(chosen.exchanges)


if __name__ == "__main__":
    main()
