"""From messaging spans, as instrumentations write them, to one call a delivery."""

import pytest

from monitor.edges.closing import ClosingSettings
from tests.fixtures.rig import Rig, call
from tests.fixtures.spans import S

QUEUE = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
SEND, RECEIVE, PROCESS, SETTLE = (
    QUEUE | {"messaging.operation.type": step} for step in ("send", "receive", "process", "settle")
)
OLD_RECEIVE, OLD_PROCESS = (
    QUEUE | {"messaging.operation": step} for step in ("receive", "process")
)
DELIVERED = {("till", "mail"): 1}


def send(trace: int, *, span: int = 1, end: float = 1.1) -> S:
    """One message."""
    return S("till", "producer", trace, span, 0, 1, end, attributes=SEND)


def test_a_receive_under_the_message_and_a_process_under_it_are_one_delivery_which_processing_tells(
    rig: Rig,
) -> None:
    receive = S("mail", "consumer", 1, 2, 1, 2, 2.1, attributes=OLD_RECEIVE)
    process = S("mail", "consumer", 1, 3, 2, 2.2, 4.2, attributes=OLD_PROCESS, error=True)
    rig.deliver(send(1), receive, process)
    rig.close()
    (edge,) = rig.edges()
    assert (edge.caller, edge.callee, edge.calls, edge.failed, edge.coverage["both"]) == (
        "till",
        "mail",
        1,
        1,
        1,
    )
    assert edge.server_seconds_sum == pytest.approx(2.0)


def test_a_receive_and_a_process_linked_to_one_message_are_one_delivery(rig: Rig) -> None:
    receive = S("mail", "consumer", 2, 2, 0, 2, 2.1, attributes=RECEIVE, links=[(1, 1)])
    process = S("mail", "consumer", 2, 3, 2, 2.2, 4.2, attributes=PROCESS, links=[(1, 1)])
    rig.deliver(send(1), receive, process)
    rig.close()
    assert rig.calls() == DELIVERED
    assert rig.edges()[0].server_seconds_sum == pytest.approx(2.0)


def test_a_receive_alone_is_the_delivery(rig: Rig) -> None:
    rig.deliver(send(1), S("mail", "consumer", 1, 2, 1, 2, 2.1, attributes=OLD_RECEIVE))
    rig.close()
    assert rig.calls() == DELIVERED


def test_a_batch_received_once_and_processed_one_by_one_is_a_delivery_a_message(rig: Rig) -> None:
    receive = S("mail", "consumer", 3, 2, 0, 2, 2.1, attributes=RECEIVE, links=[(1, 1), (2, 1)])
    first = S("mail", "consumer", 3, 3, 2, 2.2, 3.2, attributes=PROCESS, links=[(1, 1)])
    second = S("mail", "consumer", 3, 4, 2, 3.2, 4.2, attributes=PROCESS, links=[(2, 1)])
    rig.deliver(send(1), send(2), receive, first, second)
    rig.close()
    assert rig.calls() == {("till", "mail"): 2}


def test_a_batch_received_and_processed_at_once_without_links_of_its_own_is_a_delivery_a_message(
    rig: Rig,
) -> None:
    receive = S("mail", "consumer", 3, 2, 0, 2, 2.1, attributes=RECEIVE, links=[(1, 1), (2, 1)])
    rig.deliver(
        send(1), send(2), receive, S("mail", "consumer", 3, 3, 2, 2.2, 3.2, attributes=PROCESS)
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 2}


def test_a_poll_whose_message_is_processed_under_it_is_no_user(rig: Rig) -> None:
    poll = S("mail", "consumer", 2, 2, 0, 2, 2.1, attributes=RECEIVE)
    rig.deliver(
        send(1), poll, S("mail", "consumer", 2, 3, 2, 2.2, 90, attributes=PROCESS, links=[(1, 1)])
    )
    rig.close()
    assert rig.calls() == DELIVERED


def test_polls_that_link_to_the_records_they_took_are_no_deliveries(rig: Rig) -> None:
    """As aiokafka writes getmany: a poll, a span a topic linked to a span a record, which stands
    under its producer.
    """
    poll = S("mail", "consumer", 2, 2, 0, 2, 2.5, attributes=RECEIVE)
    topic = S("mail", "consumer", 2, 3, 2, 2.1, 2.4, attributes=RECEIVE, links=[(1, 4)])
    rig.deliver(send(1), poll, topic, S("mail", "consumer", 1, 4, 1, 2.2, 2.3, attributes=RECEIVE))
    rig.close()
    assert rig.calls() == DELIVERED
    assert rig.edges()[0].server_seconds_sum == pytest.approx(0.1)


def test_a_receive_of_which_nothing_more_is_known_is_a_users(rig: Rig) -> None:
    rig.deliver(S("mail", "consumer", 2, 2, attributes=RECEIVE))
    rig.close()
    assert rig.calls() == {("user", "mail"): 1}


def test_processing_that_ends_minutes_after_its_receive_was_published_takes_the_delivery_over(
    rig: Rig,
) -> None:
    rig.deliver(
        send(1),
        S("mail", "consumer", 1, 2, 1, 2, 2.1, attributes=OLD_RECEIVE),
        send(2),
        S("mail", "consumer", 3, 2, 0, 2, 2.1, attributes=RECEIVE, links=[(2, 1)]),
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 2}
    rig.deliver(S("mail", "consumer", 1, 3, 2, 2.2, 200, attributes=OLD_PROCESS))
    rig.close()
    rig.deliver(S("mail", "consumer", 3, 3, 2, 2.2, 300, attributes=PROCESS, links=[(2, 1)]))
    rig.close()
    assert rig.calls() == {("till", "mail"): 2}
    assert rig.edges()[0].server_seconds_sum == pytest.approx(197.8 + 297.8)


def test_settling_is_no_delivery(rig: Rig) -> None:
    rig.deliver(
        send(1),
        S("mail", "consumer", 1, 2, 1, 2, 2.1, attributes=PROCESS),
        S("mail", "consumer", 1, 3, 2, 2.1, 2.2, attributes=SETTLE, links=[(1, 1)]),
    )
    rig.close()
    assert rig.calls() == DELIVERED


def test_a_message_that_is_only_settled_is_still_its_producers(rig: Rig) -> None:
    rig.deliver(send(1), S("mail", "consumer", 1, 3, 1, 2.1, 2.2, attributes=SETTLE))
    rig.close()
    assert rig.calls() == {("till", "kafka"): 1}


@pytest.mark.parametrize("flags", [0, 0x100, 0x300])
def test_a_link_to_where_processing_happens_beside_a_parent_that_is_the_message_adds_no_delivery(
    rig: Rig, flags: int
) -> None:
    """The conventions let the message be the parent, and the ambient context a link."""
    rig.deliver(
        send(1),
        S("mail", "consumer", 1, 3, 1, 2, 3, attributes=PROCESS, links=[(7, 7)], flags=flags),
    )
    rig.close()
    assert rig.calls() == DELIVERED


def test_an_outgoing_call_that_a_linked_consumer_stands_under_remains_a_call(rig: Rig) -> None:
    rig.deliver(
        send(1),
        S(
            "mail",
            "client",
            2,
            2,
            0,
            2,
            3,
            attributes={"http.request.method": "GET", "url.full": "https://sqs.example/"},
        ),
        S("mail", "consumer", 2, 3, 2, 2, 3, attributes=PROCESS, links=[(1, 1)]),
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 1, ("mail", "sqs.example"): 1}


def test_a_client_that_polls_is_a_call_of_the_broker_and_no_producer_of_what_is_processed_under_it(
    rig: Rig,
) -> None:
    rig.deliver(
        send(1),
        S("mail", "client", 2, 2, 0, 2, 3, attributes=RECEIVE, links=[(1, 1)]),
        S("mail", "consumer", 2, 3, 2, 2, 3, attributes=PROCESS, links=[(1, 1)]),
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 1, ("mail", "kafka"): 1}


def test_a_client_that_receives_tells_of_the_delivery_until_processing_does(rig: Rig) -> None:
    rig.deliver(
        send(1),
        send(2),
        S("mail", "client", 3, 2, 0, 2, 3, attributes=RECEIVE, links=[(1, 1), (2, 1)]),
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 2, ("mail", "kafka"): 1}
    rig.deliver(
        S("mail", "consumer", 3, 3, 2, 2, 4, attributes=PROCESS, links=[(1, 1)]),
        S("mail", "consumer", 3, 4, 2, 2, 4, attributes=PROCESS, links=[(2, 1)]),
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 2, ("mail", "kafka"): 1}


CREATE = QUEUE | {"messaging.operation.type": "create"}


def test_a_batch_is_no_call_of_the_broker_when_its_messages_are_counted(rig: Rig) -> None:
    """As conventions have it: a span each message is created by, and one that sends them, linked
    to those.
    """
    rig.deliver(
        S("till", "producer", 1, 1, 9, 1, 1.1, attributes=CREATE),
        S("till", "producer", 1, 2, 9, 1, 1.1, attributes=CREATE),
        S("till", "client", 1, 3, 9, 1.2, 1.3, attributes=SEND, links=[(1, 1), (1, 2)]),
        S("mail", "consumer", 1, 4, 1, 2, 2.1, attributes=PROCESS),
        S("mail", "consumer", 1, 5, 2, 2, 2.1, attributes=PROCESS),
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 2}


def test_a_batch_whose_messages_have_no_spans_of_their_own_is_a_call_of_the_broker(
    rig: Rig,
) -> None:
    rig.deliver(S("till", "client", 1, 3, 9, 1.2, 1.3, attributes=SEND))
    rig.close()
    assert rig.calls() == {("till", "kafka"): 1}


@pytest.mark.parametrize("outer", ["client", "producer"])
@pytest.mark.parametrize("under", [1, 2])
def test_a_sending_span_over_that_of_another_library_is_one_message(
    rig: Rig, outer: str, under: int
) -> None:
    spans = (
        S("till", outer, 1, 1, 9, 1, 1.5, attributes=SEND),
        S("till", "producer", 1, 2, 1, 1.1, 1.4, attributes=SEND),
    )
    rig.deliver(*spans)
    rig.close()
    assert rig.calls() == {("till", "kafka"): 1}
    rig.deliver(
        S(
            "mail",
            "consumer",
            1,
            4,
            under if outer == "producer" else 2,
            40,
            41,
            attributes=PROCESS,
        )
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 1}


def test_two_services_that_take_one_message_are_two_deliveries(rig: Rig) -> None:
    rig.deliver(
        send(1),
        S("mail", "consumer", 1, 2, 1, 2, 2.1, attributes=RECEIVE),
        S("bill", "consumer", 1, 3, 1, 2, 2.1, attributes=PROCESS),
    )
    rig.close()
    assert rig.calls() == {("till", "mail"): 1, ("till", "bill"): 1}


@pytest.mark.parametrize("together", [True, False])
def test_a_message_that_a_server_answered_and_a_consumer_took_later_is_counted_alike_however_it_is_closed(
    rig: Rig, together: bool
) -> None:
    queue = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    sent = [
        S("web", "producer", 1, 1, 0, 1, 2, attributes=queue),
        S("edge", "server", 1, 2, 1, 1.1, 1.9),
    ]
    taken = S("mail", "consumer", 2, 1, 0, 45, 46, attributes=queue, links=[(1, 1)])
    rig.deliver(*sent)
    if not together:
        rig.close(finish=False)
    rig.deliver(taken)
    rig.close()
    assert rig.calls() == {("web", "edge"): 1, ("web", "mail"): 1}


@pytest.mark.parametrize("restarted", [False, True])
def test_a_message_taken_in_the_next_window_is_moved_there_when_its_senders_window_is_sealed(
    rig: Rig, restarted: bool
) -> None:
    queue = {"messaging.system": "kafka", "messaging.destination.name": "orders"}
    rig.settings = ClosingSettings(close_again_after=0.0)
    rig.closer = rig.new_closer()
    rig.deliver(S("web", "producer", 1, 1, 0, 1, 2, attributes=queue), *call(7, start=15, end=16))
    assert rig.close(finish=False).published == 1
    assert rig.calls() == {("web", "kafka"): 1}
    taken = S("mail", "consumer", 2, 1, 0, 12, 13, attributes=queue, links=[(1, 1)])
    rig.deliver(taken, *call(8, start=25, end=26))
    # the sender's window is provisional, and waits for its seal
    assert rig.close(finish=False).published == 1
    assert rig.calls() == {("web", "kafka"): 1, ("web", "mail"): 1, ("web", "cart"): 1}
    if restarted:
        rig.closer = rig.new_closer()
    rig.deliver(*call(9, start=74, end=75))
    assert rig.close(finish=False).sealed == 0
    assert rig.calls() == {("web", "mail"): 1, ("web", "cart"): 2}
    rig.close()
    assert rig.calls() == {("web", "mail"): 1, ("web", "cart"): 3}
