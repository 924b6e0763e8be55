"""Times in contracts: read from OpenAPI at three levels and from a document of their own; judged
against tails with confidence.
"""

import json
import math
from datetime import UTC, datetime, timedelta
from typing import Any, get_args

import pytest

from monitor.cli.contract_times import document_of
from monitor.contracts.check import check
from monitor.contracts.read import examine, read_contract
from monitor.contracts.registry import Registry
from monitor.detect.measure.tails import exceeding, tail
from monitor.errors import ContractError, UsageError
from monitor.joining.timing import Timed, TimingVerdict, judge_timing
from monitor.model.contracts import Revision
from monitor.model.timing import TimingCode
from monitor.wording.times import TIMES, time_sentence
from tests.contracts.promises import ALWAYS, exchange
from tests.contracts.promises import revision as payments

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)


def openapi(
    root: dict[str, Any] | None = None,
    path: dict[str, Any] | None = None,
    operation: dict[str, Any] | None = None,
) -> str:
    answers = {"responses": {"200": {"description": "x"}}}
    paths = {
        "/pay": {**(path or {}), "post": {**answers, **(operation or {})}},
        "/other/{id}": {"get": answers},
    }
    return json.dumps(
        {
            "openapi": "3.1.0",
            "info": {"title": "x", "version": "1"},
            **(root or {}),
            "paths": paths,
        }
    )


def times(text: str, kind: str = "openapi") -> set[tuple[str, float | None, float]]:
    return {
        (clause.operation, clause.quantile, clause.seconds)
        for clause in read_contract(kind, text, where="x").timing
    }


def test_the_nearest_word_counts() -> None:
    text = openapi(
        {"x-seamwatch-timeout": "2s", "x-seamwatch-latency": {"p99": "300ms", "p50": "20ms"}},
        {"x-seamwatch-timeout": "5s", "x-seamwatch-latency": {"p99": "1s"}},
        {"x-seamwatch-latency": {"p99": "1.5s"}},
    )
    assert times(text) == {
        ("", None, 2.0),
        ("", 0.99, 0.3),
        ("", 0.5, 0.02),
        ("POST /pay", None, 5.0),
        ("POST /pay", 0.99, 1.5),
    }
    assert examine("", text, where="x").told()["times"] == 5


@pytest.mark.parametrize(
    "said",
    [
        "2",
        2,
        2.5,
        "2 parsecs",
        "-2s",
        "0s",
        "1e3s",
        "999999999h",
        None,
        [],
        {"p99": "2s"},
        True,
        "s",
    ],
)
def test_a_time_without_a_unit_is_refused_with_its_place(said: Any) -> None:
    with pytest.raises(ContractError, match=r"x-seamwatch-timeout|no time") as refused:
        examine("", openapi(operation={"x-seamwatch-timeout": said}), where="x")
    assert "line 1" in str(refused.value)


def test_an_operation_is_named_as_edges_are_and_what_none_is_called_is_refused() -> None:
    def of(name: str) -> str:
        return json.dumps({"x-seamwatch-timing": {"operations": {name: {"timeout": "2s"}}}})

    for name in ("POST /pay", "post /pay", " Post  /pay "):
        assert times(of(name), "timing") == {("POST /pay", None, 2.0)}
    assert times(of("shop.Pay/Charge"), "timing") == {("shop.Pay/Charge", None, 2.0)}
    for name in ("", " ", "/pay", "P0ST /pay"):
        with pytest.raises(ContractError, match="is no operation; write METHOD /route"):
            read_contract("timing", of(name), where="x")


@pytest.mark.parametrize("name", ["99", "p100", "p0", "max", "p-1", "p1e1"])
def test_another_quantile_is_refused(name: str) -> None:
    with pytest.raises(ContractError, match="no quantile"):
        examine("", openapi({"x-seamwatch-latency": {name: "1s"}}), where="x")


def test_times_alone_are_a_contract_that_says_nothing_of_payloads() -> None:
    text = document_of("", "2s", ["p99=300ms", "p99.9=1s"])
    assert times(text, "timing") == {("", None, 2.0), ("", 0.99, 0.3), ("", 0.999, 1.0)}
    report = examine("", text, where="x")
    assert report.remarks == ()
    alone = Registry(
        [Revision("t", 1, "timing", "payment", "", "", "", ALWAYS, None, text, "x", ALWAYS)]
    )
    assert not alone.broken
    assert check(exchange(), alone).reason == "no_contract"
    both = Registry(
        [
            payments(),
            Revision("t", 1, "timing", "payment", "", "", "", ALWAYS, None, text, "x", ALWAYS),
        ]
    )
    assert check(exchange(), both).contract == "payments"


@pytest.mark.parametrize(
    "words", [("", "2", []), ("", None, ["p99"]), ("", None, ["p99=fast"]), ("", None, ["99=1s"])]
)
def test_what_is_no_time_on_the_command_line_is_refused(
    words: tuple[str, str | None, list[str]],
) -> None:
    with pytest.raises(UsageError):
        document_of(*words)


@pytest.mark.parametrize(
    "document",
    [
        '{"x-seamwatch-timing": {}}',
        '{"x-seamwatch-timing": 1}',
        '{"x-seamwatch-timing": {"timeuot": "2s"}}',
        '{"x-seamwatch-timing": {"operations": {"POST /pay": 7}}}',
    ],
)
def test_an_empty_or_misspelt_document_is_refused(document: str) -> None:
    with pytest.raises(ContractError):
        examine("", document, where="x")


def at(seconds: float) -> int:
    """The bucket of a latency: (2^(i/8), 2^((i+1)/8)]."""
    return math.ceil(8 * math.log2(seconds)) - 1


def test_a_share_is_bounded_on_both_sides_and_the_bucket_of_the_limit_tells_neither() -> None:
    seen = tail({at(0.1): 990, at(1.95): 5, at(3.0): 5}, 1.9)
    assert (seen.calls, seen.slower) == (1000, 5)
    assert 0 < seen.low < 5 / 1000
    assert seen.high > 10 / 1000
    assert tail({at(0.1): 990, at(3.0): 4}, 2.0).low == 0.0  # four calls are no tail
    assert tail({}, 2.0) == tail({}, 1.0)


def test_the_quantile_that_is_named_surely_exceeds() -> None:
    histogram = {at(0.1): 9_900, at(3.0): 100}
    low = tail(histogram, 2.0).low
    assert 0.005 < low < 0.01
    excess = exceeding(histogram, 2.0, low)
    assert excess is not None
    assert excess[0] == 0.995
    assert excess[1] >= 2.0
    assert exceeding({at(0.1): 100}, 2.0, 0.0) is None


def judged(
    document: str, *rows: dict[str, Any], kind: str = "timing", **scope: str
) -> list[TimingVerdict]:
    fields = {"provider_version": "", "consumer": "", "environment": ""} | scope
    held = Revision(
        "t",
        1,
        kind,
        "payment",
        fields["provider_version"],
        fields["consumer"],
        fields["environment"],
        ALWAYS,
        None,
        document,
        "x",
        ALWAYS,
    )  # type: ignore[arg-type]
    told = [
        {"environment": "production", "caller": "checkout", "callee": "payment", "operation": "POST /pay", "callee_version": "1.0.0", "calls": 0,
         "client_histogram": {}, "server_histogram": {}, "first_window": NOON, "last_window": NOON} | row
        for row in rows
    ]  # fmt: skip
    return judge_timing([Timed(held, read_contract(kind, document, where="x"))], told)


FAST, SLOW = {at(0.1): 20_000}, {at(0.1): 19_800, at(2.5): 200}


def test_a_timeout_shorter_than_the_tail_is_told_with_the_version_that_began_it() -> None:
    results = judged(
        document_of("", "2s", []),
        {
            "server_histogram": SLOW,
            "callee_version": "2.0.0",
            "first_window": NOON + timedelta(hours=1),
        },
        {"server_histogram": FAST},
        {
            "server_histogram": SLOW,
            "callee_version": "2.0.1",
            "first_window": NOON + timedelta(hours=2),
        },
        consumer="checkout",
    )
    assert {(result.version, result.word, result.since_version) for result in results} == {
        ("1.0.0", "kept", ""),
        ("2.0.0", "broken", "2.0.0"),
        ("2.0.1", "broken", "2.0.0"),
    }
    sentence = time_sentence(results[0].reason)
    assert "exceeds checkout's timeout of 2 s (since payment 2.0.0" in sentence
    assert sentence.startswith("p99.5 = 2")


def test_the_callees_clock_counts_where_it_is_known_for_a_caller_that_gives_up_sees_no_tail() -> (
    None
):
    cut = {at(0.1): 19_800, at(2.0): 200}
    (result,) = judged(
        document_of("", "2s", []), {"server_histogram": SLOW, "client_histogram": cut}
    )
    assert (result.word, result.side) == ("broken", "server")
    (result,) = judged(document_of("", "2s", []), {"client_histogram": SLOW})
    assert (result.word, result.side) == ("broken", "client")


@pytest.mark.parametrize(
    ("histogram", "word"),
    [
        ({}, "open"),
        ({at(0.1): 100}, "open"),
        ({at(0.1): 100_000}, "kept"),
        ({at(0.1): 99, at(1): 1}, "open"),
        ({at(0.1): 9_700, at(1): 300}, "broken"),
    ],
)
def test_a_promised_quantile_is_kept_or_broken_only_where_enough_calls_tell(
    histogram: dict[int, int], word: str
) -> None:
    (result,) = judged(document_of("", None, ["p99=300ms"]), {"server_histogram": histogram})
    assert result.word == word
    assert "300 ms" in time_sentence(result.reason)


def test_a_clause_binds_its_operation_consumer_environment_and_version_alone() -> None:
    row = {"server_histogram": SLOW}
    document = document_of("POST /pay", "2s", [])
    assert [
        result.operation for result in judged(document, row, row | {"operation": "GET /x"})
    ] == ["POST /pay"]
    assert judged(document, row, consumer="billing") == []
    assert judged(document, row, environment="staging") == []
    assert judged(document, row, provider_version="9") == []
    own = openapi({"x-seamwatch-timeout": "2s"}, operation={"x-seamwatch-timeout": "9s"})
    results = judged(
        own,
        row,
        row | {"operation": "GET /other/{id}"},
        row | {"operation": "GET /unknown"},
        kind="openapi",
    )
    assert {(result.operation, result.limit_seconds, result.word) for result in results} == {
        ("POST /pay", 9.0, "kept"),
        ("GET /other/{id}", 2.0, "broken"),
    }


def test_the_delay_of_a_stub_is_a_time_for_the_operation_that_it_answers() -> None:
    def stub(path: str, **delay: Any) -> dict[str, Any]:
        return {
            "request": {"method": "GET", "urlPath": path},
            "response": {"status": 200, **delay},
        }

    uniform = {"delayDistribution": {"type": "uniform", "lower": 100, "upper": 900}}
    stubs = {
        "mappings": [
            stub("/pay/7", fixedDelayMilliseconds=500),
            stub("/pay/8", fixedDelayMilliseconds=200),
            stub("/x", **uniform),
            stub("/y"),
            {
                "request": {"method": "PUT", "urlPathTemplate": "/z/{id}"},
                "response": {"fixedDelayMilliseconds": 100},
            },
            {
                "request": {"method": "PUT", "urlPattern": "/z/.*"},
                "response": {"fixedDelayMilliseconds": 100},
            },
        ]
    }
    text = json.dumps(stubs)
    assert times(text, "wiremock") == {
        ("GET /pay/7", 0.5, 0.5),
        ("GET /pay/8", 0.5, 0.2),
        ("GET /x", 0.99, 0.9),
        ("PUT /z/{id}", 0.5, 0.1),
    }
    row = {"operation": "GET /pay/{id}", "server_histogram": {at(0.3): 100}}
    (result,) = judged(text, row, kind="wiremock")
    assert (result.limit_seconds, result.word) == (0.5, "kept")
    (result,) = judged(text, row | {"server_histogram": {at(0.7): 100}}, kind="wiremock")
    assert result.word == "broken"
    assert (
        judged(
            text,
            row | {"operation": "POST /pay/{id}"},
            row | {"operation": "orders"},
            kind="wiremock",
        )
        == []
    )


def test_every_code_has_one_sentence() -> None:
    assert set(TIMES) == set(get_args(TimingCode))


@pytest.mark.parametrize(
    ("word", "nearest"),
    [("x-seamwatch-timeoutt", "x-seamwatch-timeout"), ("x-seam-watch", "x-seamwatch")],
)  # fmt: skip
def test_a_slip_of_the_pen_in_a_word_of_ours_is_told(word: str, nearest: str) -> None:
    document = {
        "openapi": "3.1.0", "info": {"title": "x", "version": "1"},
        "paths": {"/a": {"get": {word: "2s", "responses": {"200": {"description": "x"}}}}},
    }  # fmt: skip
    (remark,) = examine("openapi", json.dumps(document, indent=1), where="x").remarks
    assert (remark.pointer, remark.said) == (
        f"/paths/~1a/get/{word}",
        f"{word!r} is no word of ours; {nearest!r} is",
    )
