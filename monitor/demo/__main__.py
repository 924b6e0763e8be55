"""The shop alone, for trying it: `python -m monitor.demo --kafka HOST:PORT`, or `--embedded` for a
broker of its own.
"""

import argparse
import signal
import sys
import threading

from monitor.demo.scenario import Scenario
from monitor.demo.shop import run_shop


def main() -> None:
    """Run until Ctrl-C, or for `--seconds`; then print what it came to."""
    parser = argparse.ArgumentParser(prog="python -m monitor.demo", description=__doc__)
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--kafka", metavar="HOST:PORT", help="brokers to write to")
    where.add_argument(
        "--embedded", action="store_true", help="start librdkafka's mock cluster in this process"
    )
    parser.add_argument(
        "--after", type=float, default=60.0, help="seconds until the bad ramp begins"
    )
    parser.add_argument(
        "--step", type=float, default=30.0, help="seconds a share of the ramp stands"
    )
    parser.add_argument("--rate", type=float, default=21.0, help="requests/s at every entry")
    parser.add_argument("--seconds", type=float, help="end after so long")
    chosen = parser.parse_args()
    stop = threading.Event()
    # in a thread: a handler that waits for the Event's lock may hold it itself
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: threading.Thread(target=stop.set, daemon=True).start())
    if chosen.seconds:
        timer = threading.Timer(chosen.seconds, stop.set)
        timer.daemon = True
        timer.start()
    scenario = Scenario(after=chosen.after, step=chosen.step)
    if chosen.embedded:
        from monitor.streams.embedded import EmbeddedKafka  # noqa: PLC0415 - only where there is no broker

        broker = EmbeddedKafka()
        address = broker.bootstrap
    else:
        broker, address = None, chosen.kafka
    report = run_shop(address, scenario=scenario, stop=stop, announce=_say, rate=chosen.rate)
    if broker is not None:
        broker.stop()
    for entry, count in sorted(report.answers.items()):
        _say(f"{count:8d}  {entry}")
    _say(f"{report.lost} records were lost on the way to Kafka")
    _say(f"{report.cores:.2f} cores on average over {report.open_seconds:.0f} s")


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


if __name__ == "__main__":
    main()
