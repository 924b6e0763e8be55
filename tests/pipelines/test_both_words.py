"""What either side calls a failure is one: the caller's word leads, and the provider's is never
lost.
"""

from datetime import UTC, datetime, timedelta

import pytest

from monitor.model.edges import EdgeQuery, EdgeRow
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, S, span_id, trace_id
from tests.pipelines.test_edges_from_logs import deliver, entry

ANSWERED = {
    "http.request.method": "POST",
    "http.route": "/graphql",
    "http.response.status_code": 200,
}
HOUR = datetime.fromtimestamp(T0 // 3600 * 3600, UTC)
GRPC = {"rpc.system": "grpc", "rpc.service": "Stock", "rpc.method": "Reserve"}


def exchanged(
    rig: Rig,
    caller: dict[str, str | int],
    provider: dict[str, str | int],
    *,
    errors: tuple[bool, bool],
) -> EdgeRow:
    """One call as both sides tell it; `errors` says which of their spans have the status ERROR."""
    rig.deliver(
        S("web", "client", 1, 1, 0, 1.0, 2.0, attributes=caller, error=errors[0]),
        S("cart", "server", 1, 2, 1, 1.1, 1.9, attributes=provider, error=errors[1]),
    )
    rig.close()
    (edge,) = rig.edges()
    assert edge.calls == sum(edge.outcomes.values()) == sum(edge.caller_outcomes.values()) == 1
    return edge


def word(outcomes: object) -> str:
    """The one outcome that was counted."""
    assert isinstance(outcomes, dict)
    (name,) = (name for name, count in outcomes.items() if count)
    return str(name)


def http(status: int) -> dict[str, str | int]:
    return {**ANSWERED, "http.response.status_code": status}


def grpc(code: int) -> dict[str, str | int]:
    return {**GRPC, "rpc.grpc.status_code": code}


@pytest.mark.parametrize(
    ("caller", "provider", "errors", "outcome", "callers", "failed"),
    [
        pytest.param(
            http(200),
            http(200),
            (False, True),
            "server_error",
            "ok",
            1,
            id="an error in the body of an HTTP 200",
        ),
        pytest.param(
            {}, {}, (False, True), "server_error", "ok", 1, id="a caller that says nothing"
        ),
        pytest.param(
            http(200),
            grpc(13),
            (False, True),
            "server_error",
            "ok",
            1,
            id="gRPC INTERNAL over HTTP 200",
        ),
        pytest.param(
            http(200),
            grpc(13),
            (False, False),
            "server_error",
            "ok",
            0,
            id="gRPC INTERNAL, both spans unset",
        ),
        pytest.param(
            http(200),
            grpc(4),
            (False, True),
            "timeout",
            "ok",
            1,
            id="gRPC DEADLINE_EXCEEDED over HTTP 200",
        ),
        pytest.param(
            http(200),
            grpc(5),
            (False, False),
            "client_error",
            "ok",
            0,
            id="gRPC NOT_FOUND over HTTP 200",
        ),
        pytest.param(
            http(404),
            http(404),
            (True, False),
            "client_error",
            "client_error",
            1,
            id="404 is no outage",
        ),
        pytest.param(
            http(404),
            http(200),
            (True, True),
            "client_error",
            "client_error",
            1,
            id="the caller's word leads",
        ),
        pytest.param(
            http(503),
            http(200),
            (True, False),
            "server_error",
            "server_error",
            1,
            id="only the caller saw it fail",
        ),
        pytest.param(http(200), http(200), (False, False), "ok", "ok", 0, id="both are content"),
    ],
)
def test_the_callers_word_leads_and_where_it_saw_nothing_wrong_the_providers_does(
    rig: Rig,
    caller: dict[str, str | int],
    provider: dict[str, str | int],
    errors: tuple[bool, bool],
    outcome: str,
    callers: str,
    failed: int,
) -> None:
    edge = exchanged(rig, caller, provider, errors=errors)
    assert (word(edge.outcomes), word(edge.caller_outcomes), edge.failed) == (
        outcome,
        callers,
        failed,
    )
    assert edge.provider_only == ({} if outcome == callers else {outcome: 1})


def test_the_error_type_is_of_the_side_whose_word_counts(rig: Rig) -> None:
    edge = exchanged(rig, http(200), grpc(13), errors=(False, True))
    assert edge.error_types == {"INTERNAL": 1}


def test_hours_keep_both_words(rig: Rig) -> None:
    exchanged(rig, http(200), http(200), errors=(False, True))
    before = rig.reader.newest_sequence()
    rig.closer.roll_hours(T0 + 7200)
    assert rig.reader.newest_sequence() > before
    hours = rig.reader.edges(EdgeQuery(since=HOUR, until=HOUR + timedelta(hours=1)))
    assert [edge.provider_only for edge in hours] == [{"server_error": 1}]


def test_a_log_that_tells_of_a_failure_counts_whatever_the_spans_say(rig: Rig) -> None:
    rig.deliver(
        S("web", "client", 1, 1, 0, 1.0, 2.0, attributes=http(200)),
        S("cart", "server", 1, 2, 1, 1.1, 1.9, attributes=ANSWERED),
    )
    deliver(rig, entry(1.9, trace_id=trace_id(1).hex(), span_id=span_id(2).hex(), status=503))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.failed, word(edge.outcomes), edge.provider_only) == (
        1,
        1,
        "server_error",
        {"server_error": 1},
    )


def test_the_callers_own_log_is_the_callers_word(rig: Rig) -> None:
    rig.deliver(S("web", "client", 1, 1, 0, 1.0, 2.0), S("cart", "server", 1, 2, 1, 1.1, 1.9))
    deliver(
        rig,
        entry(
            1.9, trace_id=trace_id(1).hex(), span_id=span_id(1).hex(), status=502, side="client"
        ),
    )
    rig.close()
    (edge,) = rig.edges()
    assert (word(edge.outcomes), word(edge.caller_outcomes), edge.provider_only) == (
        "server_error",
        "server_error",
        {},
    )


def test_a_log_that_is_content_takes_no_failure_away(rig: Rig) -> None:
    rig.deliver(
        S("web", "client", 1, 1, 0, 1.0, 2.0, attributes=http(500), error=True),
        S("cart", "server", 1, 2, 1, 1.1, 1.9, attributes=http(500), error=True),
    )
    deliver(rig, entry(1.9, trace_id=trace_id(1).hex(), span_id=span_id(2).hex(), status=200))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.failed, word(edge.outcomes), edge.provider_only) == (1, "server_error", {})


def test_a_log_without_a_status_says_nothing_against_spans(rig: Rig) -> None:
    rig.deliver(S("web", "client", 1, 1, 0, 1.0, 2.0), S("cart", "server", 1, 2, 1, 1.1, 1.9))
    deliver(rig, entry(1.9, trace_id=trace_id(1).hex(), span_id=span_id(2).hex(), status=None))
    rig.close()
    (edge,) = rig.edges()
    assert word(edge.outcomes) == "ok"


def test_a_gateway_timeout_that_only_a_log_shows_is_a_failed_call(rig: Rig) -> None:
    deliver(rig, entry(1, status=504), entry(2, status=404), entry(3))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.failed, edge.outcomes["timeout"], edge.outcomes["client_error"]) == (
        3,
        1,
        1,
        1,
    )


def test_a_message_that_its_sender_says_was_not_sent_is_no_success(rig: Rig) -> None:
    sent = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    rig.deliver(
        S("web", "producer", 1, 1, 0, 1.0, 1.1, attributes=sent, error=True),
        S("mail", "consumer", 1, 2, 1, 1.2, 1.3, attributes=sent),
        S("web", "producer", 2, 1, 0, 1.0, 1.1, attributes=sent),
        S("mail", "consumer", 2, 2, 1, 1.2, 1.3, attributes=sent, error=True),
    )
    rig.close()
    (edge,) = rig.edges("caller", "callee")
    assert (edge.calls, edge.failed, edge.outcomes["server_error"]) == (2, 2, 2)


QUERY = {"method": "POST", "path": "/graphql"}


@pytest.mark.parametrize(
    ("said", "outcome"),
    [
        pytest.param(
            {**QUERY, "response_body": {"data": None, "errors": [{"message": "no stock"}]}},
            "server_error",
            id="GraphQL",
        ),
        pytest.param(
            {**QUERY, "response_body": {"data": {"errors": 3}}}, "ok", id="GraphQL without errors"
        ),
        pytest.param(
            {**QUERY, "response_body": {"data": {}, "errors": []}},
            "ok",
            id="GraphQL with an empty list of them",
        ),
        pytest.param(
            {
                **QUERY,
                "response_body": {
                    "errors": [{"message": "m", "extensions": {"code": "BAD_USER_INPUT"}}]
                },
            },
            "client_error",
            id="GraphQL that blames the request",
        ),
        pytest.param(
            {
                "path": "/rpc",
                "response_body": {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "error": {"code": -32603, "message": "m"},
                },
            },
            "server_error",
            id="JSON-RPC",
        ),
        pytest.param(
            {
                "path": "/rpc",
                "response_body": {
                    "jsonrpc": "2.0",
                    "id": 1,
                    "error": {"code": -32602, "message": "m"},
                },
            },
            "client_error",
            id="JSON-RPC that blames the request",
        ),
        pytest.param(
            {
                "path": "/rpc",
                "response_body": {"jsonrpc": "2.0", "id": 1, "result": {"error": {}}},
            },
            "ok",
            id="a result",
        ),
        pytest.param(
            {"path": "/Cart/Add", "response_headers": {"grpc-status": "13"}},
            "server_error",
            id="gRPC's status",
        ),
        pytest.param(
            {"path": "/Cart/Add", "response_headers": {"grpc-status": "0"}},
            "ok",
            id="gRPC's status OK",
        ),
        pytest.param(
            {"path": "/orders", "response_body": {"errors": ["a field of this API"]}},
            "ok",
            id="any other API",
        ),
        pytest.param(
            {**QUERY, "response_body": '{"errors": [{"mess', "response_truncated": True},
            "ok",
            id="a body cut short",
        ),
    ],
)
def test_a_log_of_http_200_says_what_its_answer_says(
    rig: Rig, said: dict[str, object], outcome: str
) -> None:
    deliver(rig, entry(1, **said))
    rig.close()
    (edge,) = rig.edges()
    assert (word(edge.outcomes), edge.failed) == (outcome, int(outcome == "server_error"))


def test_failed_attempts_of_one_version_under_one_client_are_counted_beside_the_call(
    rig: Rig,
) -> None:
    """A mesh tries again: the caller got the last answer, and the two before are no calls of their
    own.
    """
    failed = {"http.request.method": "GET", "http.route": "/x", "http.response.status_code": 503}
    rig.deliver(
        S("web", "client", 1, 1, 99, 1.0, 2.0, version="1.0"),
        S("cart", "server", 1, 2, 1, 1.1, 1.2, version="2.0", attributes=failed, error=True),
        S("cart", "server", 1, 3, 1, 1.3, 1.4, version="2.0", attributes=failed),
        S("cart", "server", 1, 4, 1, 1.5, 1.9, version="2.0"),
        *call(2),
    )
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.failed, edge.outcomes["ok"], edge.coverage["failed_attempts"]) == (
        2,
        0,
        2,
        2,
    )
