"""What a messaging span does, by attributes of conventions old and new, else by its name."""

import pytest

from monitor.edges.messages import DELIVERS_NOTHING, RECEIVES, TELLS, destination, step

ORDERS = {"messaging.destination.name": "orders"}


@pytest.mark.parametrize(
    ("given", "name", "does"),
    [
        (ORDERS | {"messaging.operation": "receive"}, "orders receive", RECEIVES),
        (ORDERS | {"messaging.operation.type": "receive", "messaging.operation.name": "poll"}, "poll orders", RECEIVES),
        (ORDERS, "orders receive", RECEIVES),
        (ORDERS, "receive orders", RECEIVES),
        ({}, "orders receive", RECEIVES),
        (ORDERS | {"messaging.operation": "process"}, "orders process", TELLS),
        (ORDERS | {"messaging.operation": "process"}, "receive", TELLS),
        (ORDERS, "handle orders", TELLS),
        (ORDERS | {"messaging.operation.type": "send"}, "send orders", TELLS),
        (ORDERS | {"messaging.operation.type": "settle", "messaging.operation.name": "ack"}, "ack orders", DELIVERS_NOTHING),
        ({}, "recv", DELIVERS_NOTHING),
        ({"messaging.operation.name": "poll"}, "poll", DELIVERS_NOTHING),
        ({}, "", TELLS),
    ],
)
def test_the_step_is_the_operation_else_the_verb_in_the_name(given: dict[str, str], name: str, does: int) -> None:
    assert step(given, name) == does


def test_a_destination_is_named_else_the_name_without_its_verb() -> None:
    assert destination(ORDERS, "x send") == "orders"
    assert destination({"messaging.destination": "old"}, "x send") == "old"
    assert destination({}, "orders process") == destination({}, "publish orders") == "orders"
    assert destination({}, "recv") == "unknown"
    assert destination({"messaging.destination.temporary": True}, "amq.gen-77 receive") == "(temporary)"
