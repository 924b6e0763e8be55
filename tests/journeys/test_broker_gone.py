"""Kafka dies as a whole: it is told, the pages stay, and what is written after it came back counts,
each call once.
"""

import time
from pathlib import Path
from typing import Any

import pytest

from tests.fixtures.broker import KafkaBroker
from tests.fixtures.running import Feed, Running, until

pytestmark = [pytest.mark.kafka, pytest.mark.slow]
GONE_SECONDS = 20.0
BEFORE, AFTER = 10, 50


def calls(running: Running) -> int:
    """How many calls of web to cart are counted."""
    edges: list[dict[str, Any]] = running.get("/v1/edges").json()
    return sum(
        edge["calls"] for edge in edges if (edge["caller"], edge["callee"]) == ("web", "cart")
    )


@pytest.mark.long
def test_a_kafka_that_dies_is_told_and_what_comes_after_it_is_counted_once(
    kafka: KafkaBroker, tmp_path: Path
) -> None:
    topic = kafka.make_topic(partitions=2)
    settings = {
        "SEAMWATCH_KAFKA_BROKERS": kafka.bootstrap,
        "SEAMWATCH_KAFKA_MAX_BATCH_SECONDS": "0.5",
        "SEAMWATCH_TOPICS_SPANS": topic,
        "SEAMWATCH_TOPICS_API_LOGS": "",
        "SEAMWATCH_TOPICS_DEPLOYS": "",
    }
    running = Running(tmp_path, settings)
    try:
        feed = Feed(kafka.bootstrap, topic)
        feed.write(BEFORE)
        until(lambda: running.records() >= BEFORE, running)
        assert running.get("/readyz").status_code == 200
        kafka.kill()
        died = time.monotonic()
        try:
            until(lambda: running.get("/readyz").status_code == 503, running)
            (reason,) = running.get("/readyz").json()["reasons"]
            assert reason.startswith("traces: ")
            assert kafka.bootstrap in reason
            until(lambda: time.monotonic() - died > GONE_SECONDS, running)
            assert running.get("/healthz").status_code == 200
            assert running.get("/v1/edges").status_code == 200
        finally:
            kafka.start()
        feed.write(AFTER)
        until(lambda: running.records() >= BEFORE + AFTER, running)
        # a call that the death took the commit of is read again, and counts once
        until(lambda: calls(running) >= BEFORE + AFTER, running)
        until(lambda: running.get("/readyz").status_code == 200, running)
        assert calls(running) == BEFORE + AFTER
    finally:
        running.end()
    assert "Traceback" not in running.said()
