"""A topic of something else is not read away: nothing is committed, and a corrected start reads it all."""

import json
import threading
from collections.abc import Callable

import orjson
import pytest

from monitor.errors import RejectLimit
from monitor.streams.listed import ListSource
from monitor.streams.runner import Ran, RunnerSettings, run
from monitor.telemetry import HealthBoard
from pipelines.traces import TraceSettings, traces
from pipelines.unread import explained
from tests.decode.test_zipkin import CLIENT, SERVER
from tests.fixtures.rig import Rig
from tests.fixtures.signals import metrics
from tests.fixtures.spans import T0

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


@pytest.fixture
def catch_up(rig: Rig) -> Callable[[str], Ran]:
    """Reads the rig's log to its end as a member of one group, with this encoding."""

    def caught(encoding: str) -> Ran:
        return run(
            lambda source: traces(source, rig.store, TraceSettings(encoding), rig.clock),
            lambda: ListSource(rig.log, "group"),
            name="traces",
            stop=threading.Event(),
            board=HealthBoard(),
            clock=rig.clock,
            settings=RunnerSettings(0.001, 0.002, restarts=3),
        )

    return caught


def test_json_on_a_topic_set_to_protobuf_is_read_by_the_corrected_start(rig: Rig, catch_up: Callable[[str], Ran]) -> None:
    for _ in range(50):
        rig.log.append(json.dumps(SPANS).encode(), timestamp_ms=(T0 + 2) * 1000)
    with pytest.raises(RejectLimit, match=r"none of its first 50 records .* topics.spans_encoding=auto or =otlp_json reads them"):
        catch_up("otlp_proto")
    assert rig.log.committed("group", rig.log.partitions[0]) is None
    assert catch_up("auto").records == 50
    assert rig.log.committed("group", rig.log.partitions[0]) == 50


def test_metrics_on_the_topic_of_spans_are_not_50_filtered(rig: Rig, catch_up: Callable[[str], Ran]) -> None:
    for _ in range(50):
        rig.log.append(metrics(), timestamp_ms=(T0 + 2) * 1000)
    with pytest.raises(RejectLimit, match="They look like OTLP metrics; no setting reads these"):
        catch_up("auto")
    assert rig.log.committed("group", rig.log.partitions[0]) is None


def test_shared_ids_of_zipkin_make_one_call_with_two_sides(rig: Rig, catch_up: Callable[[str], Ran]) -> None:
    rig.log.append(orjson.dumps([CLIENT | {"parentId": None}]), timestamp_ms=(T0 + 2) * 1000)
    rig.log.append(orjson.dumps([SERVER | {"parentId": None}]), timestamp_ms=(T0 + 2) * 1000)
    catch_up("auto")
    rig.close()
    (edge,) = rig.edges("caller", "callee")
    assert (edge.caller, edge.callee, edge.calls, edge.coverage["both"]) == ("shop", "pay", 1, 1)


@pytest.mark.parametrize(
    ("kind", "reason", "wanted"),
    [
        ("spans", "otlp_logs", "topics.api_logs is the setting for the topic of these, and --kind api-logs the option of replay"),
        ("api-logs", "otlp_proto", "topics.spans is the setting"),
        ("deploys", "ndjson", "--kind api-logs"),
        ("api-logs", "json_log", "topics.api_logs_format=mapping"),
        ("spans", "not_json", "no whole JSON; expected are OTLP, Jaeger or Zipkin spans: see topics.spans_encoding"),
        ("deploys", "wrong_time", "the reason is wrong_time"),
    ],
)
def test_what_is_told_names_the_setting_and_the_option(kind: str, reason: str, wanted: str) -> None:
    assert wanted in explained(kind, reason)  # type: ignore[arg-type]  # words of the test
