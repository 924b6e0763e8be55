"""From spans to the gate: failures that only the provider tells of."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Engine

from monitor.control.deploys import record
from monitor.joining.gate import GateAnswer, GateRequest, evaluate_gate
from monitor.model.deploys import DeployEvent
from tests.fixtures.rig import Rig
from tests.fixtures.spans import T0, S

WINDOWS = 6
ASKED = {
    "http.request.method": "POST",
    "url.full": "http://cart/graphql",
    "http.response.status_code": 200,
}
STARTED = datetime.fromtimestamp(T0, UTC)


def spans(kind: str, calls: int) -> Iterator[list[S]]:
    """Two versions side by side, the new one failing 35 of 100 calls as `kind` has it; one list a
    window; `calls` of each a window.
    """
    trace = 0
    for window in range(WINDOWS):
        window_spans: list[S] = []
        for number in range(2 * calls):
            trace += 1
            begin = window * 10 + 0.1 + number * 9.0 / (2 * calls)
            is_new = bool(number % 2)
            fails = is_new and number // 2 % 20 < 7
            answered: dict[str, str | int] = {
                "http.request.method": "POST",
                "http.route": "/graphql",
                "http.response.status_code": 200,
            }
            if kind == "grpc over http":
                answered = {
                    "rpc.system": "grpc",
                    "rpc.service": "Cart",
                    "rpc.method": "Add",
                    "rpc.grpc.status_code": 13 if fails else 0,
                }
            window_spans.append(
                S(
                    "web",
                    "client",
                    trace,
                    1,
                    0,
                    begin,
                    begin + 0.05,
                    version="1.0",
                    attributes=ASKED,
                )
            )
            window_spans.append(
                S("cart", "server", trace, 2, 1, begin + 0.01, begin + 0.04, error=fails and kind == "graphql",
                  version="2.0" if is_new else "1.9", attributes=answered)
            )  # fmt: skip
        yield window_spans


def asked(rig: Rig, engine: Engine, kind: str, calls: int) -> GateAnswer:
    record(
        engine,
        DeployEvent("test", "1", "deploy", "default", "cart", "2.0", "1.9", "succeeded", STARTED),
        STARTED,
    )
    for window in spans(kind, calls):
        rig.produce(*window)
    rig.collect()
    rig.close()
    return evaluate_gate(
        rig.reader,
        engine,
        GateRequest("cart", "2.0"),
        STARTED + timedelta(seconds=10 * WINDOWS + 60),
    )


@pytest.mark.parametrize("kind", ["graphql", "grpc over http"])
def test_a_third_of_calls_that_only_the_provider_calls_failed_makes_the_gate_fail(
    rig: Rig, sqlite_engine: Engine, kind: str
) -> None:
    answer = asked(rig, sqlite_engine, kind, 40)
    assert (answer.outcome, answer.exit_code) == ("fail", 1), answer.text
    assert "failures that only the provider tells of" in answer.text


def test_the_same_traffic_without_them_passes(rig: Rig, sqlite_engine: Engine) -> None:
    answer = asked(rig, sqlite_engine, "none", 140)
    assert (answer.outcome, answer.exit_code) == ("pass", 0), answer.text
