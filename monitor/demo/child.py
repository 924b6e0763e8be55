"""A child process of the shop, `python -m monitor.demo.child instance|load`: hears its parent on
standard input, whose end means stop.
"""

import asyncio
import importlib
import os
import signal
import sys
import threading
from collections.abc import Callable, Mapping
from typing import Any

import orjson

from monitor.demo.settings import InstanceSettings, read_routes

GRACE_SECONDS = 6.0
ROLES = ("instance", "load")


async def follow_parent(
    rerouted: Callable[[Mapping[str, Any]], None], ended: Callable[[], None]
) -> None:
    """Call `rerouted` for each later line and `ended` once at the end of input, both on the
    running loop.

    A thread reads, so that the end of a parent is noticed however it dies; it also ends the
    process itself when stopping takes longer than the grace time.
    """
    loop = asyncio.get_running_loop()

    def read() -> None:
        for line in sys.stdin.buffer:
            message = orjson.loads(line)
            message["routes"] = read_routes(message["routes"])
            loop.call_soon_threadsafe(rerouted, message)
        timer = threading.Timer(GRACE_SECONDS, os._exit, (1,))
        timer.daemon = True
        timer.start()
        try:
            loop.call_soon_threadsafe(ended)
        except RuntimeError:  # the loop is closed already: the process is on its way out
            return

    threading.Thread(target=read, name="parent", daemon=True).start()


def say(line: str) -> None:
    """Tell the parent something; "ready" first."""
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main(role: str) -> None:
    """Read what to be, and be it.

    Ctrl-C reaches the whole process group; only the parent decides, children wait for their input
    to end.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    if role not in ROLES:
        raise SystemExit(64)
    settings = InstanceSettings.from_line(sys.stdin.buffer.readline())
    asyncio.run(importlib.import_module(f"monitor.demo.{role}").serve(settings))


if __name__ == "__main__":
    main(sys.argv[1])
