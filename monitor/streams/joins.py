"""A join of a group that has begun is brought to its end.

kafka-python 3.0 goes on with a join only while it thinks one is needed. A leader that rejoins
because the topic changed thinks so until it has shared out the partitions. When its poll ends
between that and the group's answer (on a busy machine it does), nobody takes the answer: the
consumer has no partition and no heartbeat, polls at 100 % of a core and reads nothing until it is
built anew. So a join that is under way counts as needed, as it does in Apache Kafka's own client.
"""

from typing import Any

from kafka.coordinator.consumer import ConsumerCoordinator

_AS_IT_IS: Any = ConsumerCoordinator.need_rejoin


def finish_joins() -> None:
    """For every kafka-python consumer of this process. May be called again."""
    ConsumerCoordinator.need_rejoin = _needed_or_under_way


def _needed_or_under_way(coordinator: Any) -> bool:
    return bool(_AS_IT_IS(coordinator)) or bool(coordinator.rejoining)
