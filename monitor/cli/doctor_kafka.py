"""A sample of each topic: how many spans tell version, caller, body and sampling; without these,
edges stay blind.
"""

import time
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Literal

from monitor.cli.sign import Sign
from monitor.config import Settings
from monitor.errors import TopicMissing
from monitor.joining.unread import Kind, explained
from monitor.model.records import Partition, Records, Rejects

SAMPLE_SECONDS = 15.0


def samples(settings: Settings, count: int) -> Iterator[Sign]:
    """Signs of every topic's newest `count` records. SourceUnavailable when Kafka does
    not answer.
    """
    from monitor.decode.api_logs import decode_api_logs
    from monitor.decode.deploys import decode_deploys
    from monitor.decode.spans import decode_spans

    kafka, topics = settings.kafka, settings.topics
    options = kafka.model_copy(update={"client": "kafka-python"}).client_options()
    if topics.spans:
        records = newest(kafka.brokers, topics.spans, options, count)
        spans, rejects = decode_spans(records, topics.spans_encoding)
        yield _readable("spans", topics.spans, records, rejects)
        resources = [spans.resources[at] for at in spans.resource]
        servers = spans.kind == 2
        known_caller = servers & (spans.parent.view("u8") != 0)
        yield _share(
            "spans that tell a service",
            sum(
                1
                for resource in resources
                if resource.service and resource.service != "unknown_service"
            ),
            len(resources),
            0.99,
        )
        yield _share(
            "spans that tell a version",
            sum(1 for resource in resources if resource.version),
            len(resources),
            0.9,
            "set service.version",
        )
        yield _share(
            "spans that tell an environment",
            sum(1 for resource in resources if resource.environment),
            len(resources),
            0.9,
            "set deployment.environment.name",
        )
        yield _share(
            "server spans with a caller",
            int(known_caller.sum()),
            int(servers.sum()),
            0.5,
            "let callers send traceparent",
        )
        yield _share("spans with a body", len(spans.bodies), len(resources), 0.0)
        marked = sum(1 for at in spans.tracestate if "th:" in spans.tracestates[at])
        yield _share("spans marked as sampled", marked, len(resources), 0.0)
    optional: tuple[tuple[Kind, str], ...] = (
        ("api-logs", topics.api_logs),
        ("deploys", topics.deploys),
    )
    for kind, topic in optional:
        if not topic:
            continue
        try:
            records = newest(kafka.brokers, topic, options, count)
        except TopicMissing as error:
            yield Sign(f"sample of {topic}", "mind", f"{error}; it is optional")
            continue
        refused: Rejects = (
            decode_api_logs(records, topics.api_logs_format, topics.api_logs_mapping)[1]
            if kind == "api-logs"
            else decode_deploys(records).rejects
        )
        yield _readable(kind, topic, records, refused)


def newest(brokers: str, topic: str, options: Mapping[str, Any], count: int) -> Records:
    """The newest records of a topic, some `count` in all, read without a group."""
    from kafka import TopicPartition

    from monitor.streams.kafka_client import in_our_words, open_consumer

    rows: list[Any] = []
    with in_our_words(f"reading a sample of {topic} at {brokers}"):
        consumer = open_consumer(brokers, None, options, 10.0)
        try:
            places = [
                TopicPartition(topic, number)
                for number in consumer.partitions_for_topic(topic) or ()
            ]
            if not places:
                raise TopicMissing(
                    f"Kafka topic {topic} at {brokers} does not exist; create it or correct the topic setting"
                )
            consumer.assign(places)
            begins, ends = consumer.beginning_offsets(places), consumer.end_offsets(places)
            starts = {
                place: max(begins[place], ends[place] - max(1, count // len(places)))
                for place in places
            }
            for place, start in starts.items():
                consumer.seek(place, start)
            wanted = sum(ends[place] - starts[place] for place in places)
            deadline = time.monotonic() + SAMPLE_SECONDS
            while len(rows) < wanted and time.monotonic() < deadline:
                for batch in consumer.poll(timeout_ms=500).values():
                    rows.extend(batch)
        finally:
            consumer.close(autocommit=False)
    return Records(
        values=[row.value or b"" for row in rows],
        partitions=[Partition("sample", topic, row.partition) for row in rows],
        offsets=[row.offset for row in rows],
        timestamps_ms=[row.timestamp for row in rows],
        headers=[dict(row.headers) for row in rows],
        gaps=[0] * len(rows),
    )


def _readable(kind: Kind, topic: str, records: Records, rejects: Rejects) -> Sign:
    """How much of a sample can be read; of one that mostly cannot, what it looks like and which
    setting reads it.
    """
    if not len(records):
        return Sign(f"sample of {topic}", "mind", "the topic is empty")
    whole = {reject.place: reject.reason for reject in rejects if reject.whole}
    state: Literal["good", "bad"] = "bad" if len(whole) * 2 > len(records) else "good"
    hint = (
        f". {explained(kind, Counter(whole.values()).most_common(1)[0][0])}"
        if state == "bad"
        else ""
    )
    return Sign(
        f"sample of {topic}",
        state,
        f"{len(records)} records, {records.bytes / 1e6:.1f} MB, {len(whole)} cannot be read{hint}",
    )


def _share(what: str, count: int, total: int, wanted: float, hint: str = "") -> Sign:
    share = count / total if total else 0.0
    state: Literal["good", "mind"] = "good" if not total or share >= wanted else "mind"
    return Sign(
        what, state, f"{share:.1%} of {total}" + (f"; {hint}" if hint and state == "mind" else "")
    )
