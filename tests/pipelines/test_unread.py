"""A topic of something else is not read away: nothing is committed, and a corrected start reads it
all.
"""

import json
import threading
from collections.abc import Callable, Iterator

import orjson
import pytest

from monitor.contracts.registry import Registry
from monitor.errors import RejectLimit
from monitor.joining.unread import explained
from monitor.model.records import Progress
from monitor.streams.listed import ListSource
from monitor.streams.runner import Pipeline, Ran, RunnerSettings, run
from monitor.streams.source import Source
from monitor.telemetry import HealthBoard, Report
from pipelines.api_logs import ApiLogSettings, api_logs
from pipelines.traces import TraceSettings, traces
from tests.decode.test_zipkin import CLIENT, SERVER
from tests.fixtures.rig import Rig
from tests.fixtures.signals import logs, metrics
from tests.fixtures.spans import T0, S, request

SPANS = {
    "resourceSpans": [
        {
            "resource": {"attributes": [{"key": "service.name", "value": {"stringValue": "web"}}]},
            "scopeSpans": [
                {
                    "spans": [
                        {
                            "traceId": "0a" * 16,
                            "spanId": "0b" * 8,
                            "kind": 3,
                            "name": "GET",
                            "startTimeUnixNano": str(T0 * 10**9),
                            "endTimeUnixNano": str((T0 + 1) * 10**9),
                        }
                    ]
                }
            ],
        }
    ]
}


def read_to_the_end(rig: Rig, pipeline: Pipeline, name: str) -> Ran:
    """Reads the rig's log to its end as a member of one group."""
    return run(
        pipeline,
        lambda: ListSource(rig.log, "group"),
        name=name,
        stop=threading.Event(),
        board=HealthBoard(),
        clock=rig.clock,
        settings=RunnerSettings(0.001, 0.002, restarts=3),
    )


@pytest.fixture
def catch_up(rig: Rig) -> Callable[[str], Ran]:
    """Reads the rig's log to its end as a member of one group, with this encoding."""
    return lambda encoding: read_to_the_end(
        rig, lambda source: traces(source, rig.store, TraceSettings(encoding), rig.clock), "traces"
    )


def test_json_on_a_topic_set_to_protobuf_is_read_by_the_corrected_start(
    rig: Rig, catch_up: Callable[[str], Ran]
) -> None:
    for _ in range(50):
        rig.log.append(json.dumps(SPANS).encode(), timestamp_ms=(T0 + 2) * 1000)
    with pytest.raises(
        RejectLimit,
        match=r"none of its first 50 records .* topics.spans_encoding=auto or =otlp_json reads them",
    ):
        catch_up("otlp_proto")
    assert rig.log.committed("group", rig.log.partitions[0]) is None
    assert catch_up("auto").records == 50
    assert rig.log.committed("group", rig.log.partitions[0]) == 50


def test_metrics_on_the_topic_of_spans_are_not_50_filtered(
    rig: Rig, catch_up: Callable[[str], Ran]
) -> None:
    for _ in range(50):
        rig.log.append(metrics(), timestamp_ms=(T0 + 2) * 1000)
    with pytest.raises(RejectLimit, match="They look like OTLP metrics; no setting reads these"):
        catch_up("auto")
    assert rig.log.committed("group", rig.log.partitions[0]) is None


def test_shared_ids_of_zipkin_make_one_call_with_two_sides(
    rig: Rig, catch_up: Callable[[str], Ran]
) -> None:
    rig.log.append(orjson.dumps([CLIENT | {"parentId": None}]), timestamp_ms=(T0 + 2) * 1000)
    rig.log.append(orjson.dumps([SERVER | {"parentId": None}]), timestamp_ms=(T0 + 2) * 1000)
    catch_up("auto")
    rig.close()
    (edge,) = rig.edges("caller", "callee")
    assert (edge.caller, edge.callee, edge.calls, edge.coverage["both"]) == ("shop", "pay", 1, 1)


@pytest.fixture
def catch_up_logs(rig: Rig) -> Callable[[], Ran]:
    """Reads the rig's log as API logs to its end."""
    return lambda: read_to_the_end(
        rig,
        lambda source: api_logs(
            source, rig.store, lambda: Registry(()), ApiLogSettings(), rig.clock
        ),
        "api-logs",
    )


def counted(rig: Rig, *names: str) -> list[int]:
    (row,) = [row for row in rig.reader.ledger() if row["partition"] == 0]
    return [int(row[name]) for name in names]


def test_log_records_that_tell_of_no_exchange_are_counted_and_are_no_success(
    rig: Rig, catch_up_logs: Callable[[], Ran]
) -> None:
    for at in range(3):
        rig.log.append(logs(at=(T0 + at) * 10**9), timestamp_ms=(T0 + 2) * 1000)
    with pytest.raises(RejectLimit, match=r"nothing came of its 3 records. 3 entries are sound"):
        catch_up_logs()
    assert counted(rig, "records", "filtered", "rejected", "exchanges") == [3, 3, 0, 0]
    assert rig.log.committed("group", rig.log.partitions[0]) == 3
    entry = {"time": T0, "method": "GET", "path": "/x", "callee": "pay"}
    rig.log.append(orjson.dumps(entry), timestamp_ms=(T0 + 2) * 1000)
    rig.log.append(logs(), timestamp_ms=(T0 + 2) * 1000)
    assert catch_up_logs().records == 2
    assert counted(rig, "records", "filtered", "rejected", "exchanges") == [5, 4, 0, 1]


def test_a_batch_of_no_log_records_is_a_reject(rig: Rig, catch_up_logs: Callable[[], Ran]) -> None:
    rig.log.append(b'{"resourceLogs": [{"scopeLogs": []}]}', timestamp_ms=(T0 + 2) * 1000)
    with pytest.raises(RejectLimit, match=r"its first record cannot be read.*they are empty"):
        catch_up_logs()
    assert counted(rig, "records", "rejected") == [1, 1]


def test_a_topic_without_exchanges_is_read_on_with_a_note(rig: Rig) -> None:
    """A topic that is shared with other logs may hold none for hours: no reason to be
    not ready.
    """
    board, stop = HealthBoard(), threading.Event()

    def pipeline(source: Source) -> Iterator[Progress]:
        for progress in api_logs(
            source, rig.store, lambda: Registry(()), ApiLogSettings(), rig.clock
        ):
            yield progress
            told.extend(report for report in board.reports() if report.reason)

    told: list[Report] = []
    for _ in range(2):
        rig.log.append(logs(), timestamp_ms=(T0 + 2) * 1000)
    with pytest.raises(RejectLimit):
        run(
            pipeline,
            lambda: ListSource(rig.log, "group", batch_records=1),
            name="api-logs",
            stop=stop,
            board=board,
            clock=rig.clock,
            settings=RunnerSettings(0.001, 0.002, restarts=3),
        )
    assert [(report.ready, "nothing came of its" in report.reason) for report in told] == [
        (True, True)
    ] * len(told)
    assert told


def test_spans_that_are_all_refused_for_what_they_say_are_no_success(
    rig: Rig, catch_up: Callable[[str], Ran]
) -> None:
    for n in range(3):
        rig.log.append(
            request([S("web", "client", 1, n + 1, base=0)]), timestamp_ms=(T0 + 2) * 1000
        )
    with pytest.raises(
        RejectLimit, match=r"nothing came of its 3 records. refused: time_before_2000 3"
    ):
        catch_up("auto")
    assert counted(rig, "spans", "rejected") == [3, 3]
    rig.produce(S("web", "internal", 1, 9))
    assert catch_up("auto").records == 1


def test_a_restart_among_bad_records_goes_on_counting(
    rig: Rig, catch_up: Callable[[str], Ran]
) -> None:
    rig.produce(S("web", "client", 1, 1))
    assert catch_up("auto").records == 1
    for _ in range(150):
        rig.log.append(metrics(), timestamp_ms=(T0 + 2) * 1000)
    rig.produce(S("web", "client", 1, 2))
    assert catch_up("auto").records == 151
    assert rig.log.committed("group", rig.log.partitions[0]) == 152


@pytest.mark.parametrize(
    ("kind", "reason", "wanted"),
    [
        (
            "spans",
            "otlp_logs",
            "topics.api_logs is the setting for the topic of these, and --kind api-logs the option of replay",
        ),
        ("api-logs", "otlp_proto", "topics.spans is the setting"),
        ("deploys", "ndjson", "--kind api-logs"),
        ("api-logs", "json_log", "topics.api_logs_format=mapping"),
        (
            "spans",
            "not_json",
            "no whole JSON; expected are OTLP, Jaeger or Zipkin spans: see topics.spans_encoding",
        ),
        ("deploys", "wrong_time", "the reason is wrong_time"),
    ],
)
def test_what_is_told_names_the_setting_and_the_option(
    kind: str, reason: str, wanted: str
) -> None:
    assert wanted in explained(kind, reason)  # type: ignore[arg-type]  # words of the test
