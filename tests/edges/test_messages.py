"""What a messaging span does, by attributes of conventions old and new, else by its name."""

import pytest

from monitor.edges.messages import DELIVERS_NOTHING, RECEIVES, TELLS, destination, step

ORDERS = {"messaging.destination.name": "orders"}


@pytest.mark.parametrize(
    ("given", "name", "does"),
    [
        (ORDERS | {"messaging.operation": "receive"}, "orders receive", RECEIVES),
        (
            ORDERS | {"messaging.operation.type": "receive", "messaging.operation.name": "poll"},
            "poll orders",
            RECEIVES,
        ),
        (ORDERS, "orders receive", RECEIVES),
        (ORDERS, "receive orders", RECEIVES),
        ({}, "orders receive", RECEIVES),
        (ORDERS | {"messaging.operation": "process"}, "orders process", TELLS),
        (ORDERS | {"messaging.operation": "process"}, "receive", TELLS),
        (ORDERS, "handle orders", TELLS),
        (ORDERS | {"messaging.operation.type": "send"}, "send orders", TELLS),
        (
            ORDERS | {"messaging.operation.type": "settle", "messaging.operation.name": "ack"},
            "ack orders",
            DELIVERS_NOTHING,
        ),
        ({}, "recv", DELIVERS_NOTHING),
        ({"messaging.operation.name": "poll"}, "poll", DELIVERS_NOTHING),
        ({}, "", TELLS),
    ],
)
def test_the_step_is_the_operation_else_the_verb_in_the_name(
    given: dict[str, str], name: str, does: int
) -> None:
    assert step(given, name) == does


def test_a_destination_is_named_else_the_name_without_its_verb() -> None:
    assert destination(ORDERS, "x send") == "orders"
    assert destination({"messaging.destination": "old"}, "x send") == "old"
    assert destination({}, "orders process") == destination({}, "publish orders") == "orders"
    assert destination({}, "recv") == "unknown"
    assert (
        destination({"messaging.destination.temporary": True}, "amq.gen-77 receive")
        == "(temporary)"
    )
    assert (
        destination({"messaging.destination": "t-77", "messaging.temp_destination": True}, "")
        == "(temporary)"
    )


@pytest.mark.parametrize(
    ("named", "told"),
    [
        ("amq.gen-JzTY20BRgKO-HjmUJj0wLg", "amq.gen-{id}"),
        ("reply.550e8400-e29b-41d4-a716-446655440000", "reply.{id}"),
        ("reply-550E8400E29B41D4A716446655440000", "reply-{id}"),
        ("tmp/9f86d081884c7d65/in", "tmp/{id}/in"),
        ("jobs.1790000000", "jobs.{id}"),
        ("spring.gen-LQn8uiLFQVm-cGFJPyCyCA", "spring.gen-{id}"),
        ("orders.anonymous.LQn8uiLFQVm_cGFJPyCyCA", "orders.anonymous.{id}"),
        ("_INBOX.q6V9CjmSQ-mPzbs.1", "_INBOX.{id}"),
        ("temp-queue://ID:host-4711-1:1:1", "temp-queue://{id}"),
        ("mails.anonymous.rejected", "mails.anonymous.rejected"),
        ("orders", "orders"),
        ("orders.v2", "orders.v2"),
        ("arn:aws:sns:eu-west-1:orders-created", "arn:aws:sns:eu-west-1:orders-created"),
        ("team-a.PaymentsRequestedForReview2", "team-a.PaymentsRequestedForReview2"),
    ],
)
def test_what_a_program_generates_is_no_name(named: str, told: str) -> None:
    assert destination({"messaging.destination.name": named}, "") == told
    assert destination({}, f"{named} receive") == told
