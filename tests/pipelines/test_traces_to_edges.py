"""From spans on a topic to edges in the store."""

from dataclasses import replace
from datetime import UTC, datetime

import pytest

from monitor.edges.aliases import Aliases
from monitor.errors import LeaseLost
from monitor.joining.closing import Closer, Numbers
from monitor.model.edges import EdgeQuery
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import T0, S


def test_a_call_is_one_row_with_both_sides(rig: Rig) -> None:
    rig.deliver(*call(1))
    rig.close()
    (edge,) = rig.edges()
    assert (
        edge.caller,
        edge.callee,
        edge.operation,
        edge.caller_version,
        edge.callee_version,
    ) == (
        "web",
        "cart",
        "GET /x",
        "1.0",
        "2.0",
    )
    assert (edge.calls, edge.failed, edge.outcomes["ok"], edge.coverage["both"]) == (1, 0, 1, 1)
    assert edge.client_seconds_sum == pytest.approx(1.0)
    assert edge.server_seconds_sum == pytest.approx(0.98)


def test_three_servers_under_one_client_are_one_call(rig: Rig) -> None:
    client, server = call(1)
    second = S("cart", "server", 1, 3, 1, 1.3, 1.5, version="2.0")
    third = S("cart", "server", 1, 4, 1, 1.5, 1.99, version="2.0")
    rig.deliver(client, server, second, third)
    rig.close()
    (edge,) = rig.edges()
    assert edge.calls == 1
    assert edge.client_seconds_sum == pytest.approx(1.0)
    assert edge.server_seconds_sum == pytest.approx(0.98 + 0.2 + 0.49)


def test_a_client_that_fans_out_to_three_services_is_a_call_on_each_edge_and_counted_once_on_its_own_side(
    rig: Rig,
) -> None:
    client, _ = call(1)
    rig.deliver(
        client,
        *(
            S(name, "server", 1, n, 1, 1.1, 1.2 + n / 100)
            for n, name in ((2, "a"), (3, "b"), (4, "c"))
        ),
    )
    rig.close()
    assert rig.calls() == {("web", "a"): 1, ("web", "b"): 1, ("web", "c"): 1}
    assert sum(edge.client_seconds_sum or 0 for edge in rig.edges()) == pytest.approx(1.0)


def test_a_failed_attempt_on_one_version_and_a_good_one_on_another_show_on_both(rig: Rig) -> None:
    client, server = call(1)
    failed = S(
        "cart",
        "server",
        1,
        3,
        1,
        1.0,
        1.2,
        version="3.0",
        error=True,
        attributes={
            "http.route": "/x",
            "http.request.method": "GET",
            "http.response.status_code": 500,
        },
    )
    rig.deliver(client, server, failed)
    rig.close()
    by_version = {edge.callee_version: edge for edge in rig.edges()}
    assert by_version["2.0"].outcomes["ok"] == 1
    assert by_version["3.0"].outcomes["server_error"] == 1
    assert by_version["3.0"].client_seconds_sum is None


def test_a_root_server_is_called_by_a_user(rig: Rig) -> None:
    rig.deliver(S("web", "server", 1, 2))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.client_seconds_sum) == ("user", "web", None)


def test_a_server_whose_client_never_comes_is_called_by_unknown(rig: Rig) -> None:
    rig.deliver(S("cart", "server", 1, 2, 1))
    rig.close()
    assert rig.calls() == {("unknown", "cart"): 1}
    assert rig.edges()[0].coverage["server_only"] == 1


def test_a_client_whose_server_is_silent_calls_its_peer_and_has_no_server_time(rig: Rig) -> None:
    rig.deliver(
        S(
            "web",
            "client",
            1,
            1,
            attributes={
                "http.request.method": "POST",
                "url.full": "https://api.bank.example/pay/77",
            },
        )
    )
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.operation, edge.server_seconds_sum) == (
        "web",
        "api.bank.example",
        "POST /pay/{id}",
        None,
    )


def test_an_address_learned_from_pairs_names_a_silent_server(rig: Rig) -> None:
    at = {
        "http.request.method": "GET",
        "http.route": "/x",
        "server.address": "10.0.0.7",
        "server.port": 8080,
    }
    rig.deliver(*call(1, attributes=at))
    rig.close()
    rig.deliver(S("web", "client", 2, 1, attributes=at, start=20, end=21))
    rig.close()
    assert rig.calls() == {("web", "cart"): 2}


def test_a_database_is_named_by_its_namespace_and_host(rig: Rig) -> None:
    query = {
        "db.system.name": "postgresql",
        "db.namespace": "orders",
        "db.operation.name": "SELECT",
        "db.collection.name": "items",
        "server.address": "db1",
    }
    rig.deliver(S("cart", "client", 1, 1, attributes=query))
    old = {"db.system": "redis", "net.peer.name": "cache1", "db.statement": "GET secret-key"}
    rig.deliver(S("cart", "client", 2, 1, attributes=old))
    rig.close()
    assert {(e.callee, e.protocol, e.operation) for e in rig.edges()} == {
        ("orders@db1", "database", "SELECT items"),
        ("redis@cache1", "database", "GET"),
    }


def test_what_only_prepares_a_call_is_filtered_and_the_ledger_says_so(rig: Rig) -> None:
    pool = {"db.system": "postgresql", "db.name": "shop"}
    rig.deliver(
        S("web", "client", 1, 7, attributes={"dns.question.name": "cart"}),
        *call(2),
        S("web", "client", 2, 8, attributes=pool),
    )
    rig.close()
    assert rig.calls() == {("web", "cart"): 1, ("web", "shop"): 1}
    (row,) = rig.reader.ledger()
    assert (row["spans"], row["halves"], row["filtered"]) == (4, 3, 1)


def test_a_60_s_call_is_one_call(rig: Rig) -> None:
    rig.deliver(*call(1, start=1, end=61))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.coverage["both"]) == (1, 1)
    assert edge.client_seconds_sum == pytest.approx(60)


def test_a_clock_5_s_off_still_pairs(rig: Rig) -> None:
    rig.deliver(*call(1, start=8, end=9, skew=5))
    rig.deliver(*call(2, start=11, end=12, skew=-5))
    rig.close()
    assert rig.calls() == {("web", "cart"): 2}


def test_a_consumer_10_minutes_late_finds_its_producer(rig: Rig) -> None:
    queue = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    rig.deliver(S("shop", "producer", 1, 1, attributes=queue, version="1"))
    rig.close()
    assert rig.calls() == {("shop", "kafka"): 1}
    rig.deliver(S("mail", "consumer", 1, 2, 1, start=600, end=601, attributes=queue, version="2"))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.operation, edge.protocol, edge.calls) == (
        "shop",
        "mail",
        "orders",
        "messaging",
        1,
    )
    (cell,) = rig.reader.cells("", "mail", rig.clock().fromtimestamp(T0), rig.clock())
    assert sum(cell.queue_histogram.values()) == 1


def test_a_producer_that_comes_after_its_consumer_is_found_too(rig: Rig) -> None:
    queue = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    rig.deliver(S("mail", "consumer", 1, 2, 1, start=600, end=601, attributes=queue))
    rig.close()
    assert rig.calls() == {("unknown", "mail"): 1}
    rig.deliver(S("shop", "producer", 1, 1, attributes=queue))
    rig.close()
    assert rig.calls() == {("shop", "mail"): 1}


def test_a_producer_that_a_server_answers_and_a_client_whose_request_a_consumer_takes_are_calls_too(
    rig: Rig,
) -> None:
    queue = {"messaging.system": "eventgrid", "messaging.destination.name": "orders"}
    rig.deliver(
        S("shop", "producer", 1, 1, attributes=queue, start=1, end=2),
        S("hook", "server", 1, 2, 1, start=1.1, end=1.9),
    )
    rig.deliver(
        S("till", "client", 2, 1, start=1, end=2),
        S("mail", "consumer", 2, 2, 1, start=12, end=13, attributes=queue),
    )
    rig.close()
    assert rig.calls() == {("shop", "hook"): 1, ("till", "mail"): 1}
    assert all(edge.coverage["both"] == 1 for edge in rig.edges())


def test_a_consumer_with_two_links_is_two_calls_and_one_duration(rig: Rig) -> None:
    queue = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    rig.deliver(
        S("shop", "producer", 1, 1, attributes=queue),
        S("till", "producer", 2, 1, attributes=queue),
    )
    rig.deliver(
        S(
            "mail",
            "consumer",
            3,
            2,
            start=1,
            end=2,
            error=True,
            attributes=queue,
            links=[(1, 1), (2, 1)],
        )
    )
    rig.close()
    assert rig.calls() == {("shop", "mail"): 1, ("till", "mail"): 1}
    assert sum(edge.server_seconds_sum or 0 for edge in rig.edges()) == pytest.approx(1.0)
    assert sum(edge.failed for edge in rig.edges()) == 1


def test_a_year_old_recording_is_kept_and_read(rig: Rig) -> None:
    rig.deliver(*call(1, base=T0 - 365 * 86400))
    rig.close()
    assert rig.calls() == {("web", "cart"): 1}


def test_one_span_from_the_future_is_refused_and_moves_nothing(rig: Rig) -> None:
    rig.deliver(*call(1), *call(2), at=T0 + 3)
    rig.deliver(*call(3, start=7200, end=7201), *call(4), at=T0 + 3)
    closed = rig.close(finish=False)
    assert closed.watermark is not None
    assert closed.watermark < T0 + 3700
    rig.close()
    assert rig.calls() == {("web", "cart"): 3}
    assert {
        (row["reason"], row["count"])
        for row in rig.reader.rejects(rig.clock().fromtimestamp(0), rig.clock().fromtimestamp(4e9))
    } == {("time_in_future", 2)}


def test_a_redelivered_record_is_counted_once(rig: Rig) -> None:
    rig.deliver(*call(1))
    rig.deliver(*call(1))
    rig.close()
    rig.deliver(*call(1), partition=1)
    rig.close()
    assert rig.calls() == {("web", "cart"): 1}


def test_of_duplicates_with_changed_content_one_whole_row_survives(rig: Rig) -> None:
    client, server = call(1)
    changed = S("cart", "server", 1, 2, 1, 1.2, 1.7, version="9.9", error=True)
    rig.deliver(client, server)
    rig.deliver(changed)
    rig.close()
    (edge,) = rig.edges()
    assert edge.calls == 1
    assert (edge.callee_version, edge.failed, round(edge.server_seconds_sum or 0, 2)) in {
        ("2.0", 0, 0.98),
        ("9.9", 1, 0.5),
    }


def test_late_rows_close_the_window_again_and_are_counted(rig: Rig) -> None:
    rig.deliver(*call(1))
    rig.close()
    rig.deliver(*call(2))
    rig.close()
    assert rig.calls() == {("web", "cart"): 2}
    assert rig.reader.windows_health()["late"] == 2


def test_a_reader_sees_one_publishing_throughout(rig: Rig) -> None:
    rig.deliver(*call(1))
    rig.close()
    before = rig.reader.newest_sequence()
    rig.deliver(*call(2), *call(3, start=25, end=26))
    rig.close()
    first = rig.reader.edges(EdgeQuery(), before)
    assert [row.calls for row in first] == [1]
    assert [row.calls for row in rig.reader.edges(EdgeQuery())] == [3]


def test_a_crash_before_publish_shows_nothing_and_the_next_closer_publishes_it_once(
    rig: Rig,
) -> None:
    rig.deliver(*call(1))
    crashing = Closer(rig.store, Numbers(lambda: 77, lambda: None), rig.settings)
    with pytest.raises(LeaseLost):
        crashing.finish()
    assert rig.store.ask("generations_kept") == [{"generation": 77}]
    assert rig.calls() == {}
    rig.closer = rig.new_closer()
    rig.close()
    assert rig.calls() == {("web", "cart"): 1}


def test_a_reused_topic_is_another_source(rig: Rig) -> None:
    rig.deliver(*call(1))
    rig.log = type(rig.log)("otlp_spans", 2, "fedcba9876543210")
    rig.deliver(*call(2))
    rig.close()
    assert rig.calls() == {("web", "cart"): 2}
    assert [(row["source_id"], row["records"]) for row in rig.reader.ledger()] == [
        ("0123456789abcdef", 1),
        ("fedcba9876543210", 1),
    ]


def test_sampled_spans_weigh_what_they_stand_for(rig: Rig) -> None:
    rig.deliver(*call(1, state="ot=th:c"))
    rig.close()
    (edge,) = rig.edges()
    assert (edge.calls, edge.weighted_calls, edge.sampling) == (1, pytest.approx(4.0), "head")


def test_tail_sampled_spans_are_marked_as_biased(rig: Rig) -> None:
    rig.deliver(
        *call(
            1,
            attributes={
                "http.route": "/x",
                "http.request.method": "GET",
                "tailsampling.policy": "errors",
            },
        )
    )
    rig.close()
    assert rig.edges()[0].sampling == "biased"


def test_aliases_give_one_name_to_services_versions_and_environments(rig: Rig) -> None:
    rig.aliases = Aliases(services={"cart": "shop-cart"}, versions={"shop-cart/2.0": "v2"})
    rig.deliver(*call(1, resource={"deployment.environment": "prod"}))
    rig.close()
    (edge,) = rig.reader.edges(EdgeQuery(by=("callee", "versions", "environment")))
    assert (edge.callee, edge.callee_version, edge.environment) == (
        "shop-cart",
        "v2",
        "production",
    )


def test_windows_are_sealed_after_their_lateness_bound_only(rig: Rig) -> None:
    rig.deliver(*call(1), at=T0 + 2)
    rig.deliver(*call(2, start=20, end=21), at=T0 + 21)
    assert rig.close(finish=False).published == 1
    assert rig.reader.last_sealed() is None
    rig.deliver(*call(3, start=80, end=81), at=T0 + 81)
    rig.close(finish=False)
    assert rig.reader.last_sealed() is not None


def test_our_own_spans_are_never_edges(rig: Rig) -> None:
    rig.deliver(S("seamwatch", "server", 1, 2), *call(3))
    rig.close()
    assert rig.calls() == {("web", "cart"): 1}


def test_hours_give_the_same_answer_as_their_windows(rig: Rig) -> None:
    rig.deliver(*call(1), *call(2, start=1000, end=1001))
    rig.close()
    before = rig.edges()
    assert rig.closer.roll_hours(T0 + 86400) == 1
    assert rig.edges() == before
    rig.deliver(*call(3))
    rig.close()
    assert rig.calls() == {("web", "cart"): 3}
    by_hour = {panel: shown(rig, panel, 3600) for panel in HOURLY}
    assert by_hour == {panel: shown(rig, panel, 3599) for panel in HOURLY}
    assert all(by_hour.values())
    for table in ("edge_windows", "sightings"):  # of the one, hours alone were read
        rig.store.command(f"TRUNCATE TABLE {table}")
    assert by_hour == {panel: shown(rig, panel, 3600) for panel in HOURLY}


HOURLY = (
    "coverage",
    "edge_exemplars",
    "edge_latency",
    "edge_operations",
    "edge_rates",
    "edges_overview",
    "services",
    "version_share",
)


def shown(rig: Rig, panel: str, seconds: int) -> list[dict[str, object]]:
    """A panel over the first seconds of the hour, but for times, of which an hour tells less."""
    hour = T0 // 3600 * 3600
    where: dict[str, object] = dict.fromkeys(
        ("environment", "service", "caller", "callee", "protocol", "operation"), ""
    )
    where |= {"limit": 9, "offset": 0, "bucket_seconds": 3600}
    where |= {
        "since": datetime.fromtimestamp(hour, UTC),
        "until": datetime.fromtimestamp(hour + seconds, UTC),
    }
    untold = {"window", "first_window", "last_window"}
    return [
        {name: value for name, value in row.items() if name not in untold}
        for row in rig.store.query(f"panels/{panel}", where)
    ]


def test_sweeping_deletes_what_is_superseded_and_nothing_else(rig: Rig) -> None:
    for n in range(3):
        rig.deliver(*call(n + 1))
        rig.close()
    for _ in range(2):
        while not rig.closer.sweep():
            pass
    assert rig.calls() == {("web", "cart"): 3}
    assert [row["generation"] for row in rig.store.query("generations_kept")] == [
        rig.store.query("newest_numbers")[0]["generation"]
    ]


@pytest.mark.parametrize("end", [4.0, 14.0])
def test_a_span_sent_again_with_another_end_parent_or_status_counts_once(
    rig: Rig, end: float
) -> None:
    client, server = call(1)
    resent = replace(client, end=end, error=True)
    lost_parent = replace(server, parent=77)
    rig.deliver(client, lost_parent, replace(server, end=end - 0.01))
    rig.close()
    rig.deliver(resent)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.calls, edge.coverage["both"]) == ("web", "cart", 1, 1)


def test_messages_sent_again_with_another_end_count_once(rig: Rig) -> None:
    queue = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    producer = S("till", "producer", 1, 1, 0, 1, 2, attributes=queue)
    lone = S("till", "producer", 2, 1, 0, 1, 2, attributes=queue)
    consumer = S("mail", "consumer", 3, 2, 0, 3, 4, attributes=queue, links=[(1, 1)])
    rig.deliver(
        *(
            span
            for first in (producer, lone, consumer)
            for span in (first, replace(first, end=first.end + 10))
        )
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 1, ("till", "kafka"): 1}
