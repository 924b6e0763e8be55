"""What rows of skeletons share: which exchanges are looked at, and the texts that numbers stand
for.
"""

from collections.abc import Mapping

import pyarrow as pa

from monitor.model.exchanges import Exchange
from monitor.store import Store

MOST_SHAPES = 200
"""Of one kind: what is beyond is told as not seen."""
MOST_KINDS = 20_000
MOST_BYTES = 256_000
"""A larger payload is not looked at."""
UNSEEN = 0
"""The number of a payload that was not looked at."""


def lot(exchange: Exchange) -> int:
    """A number drawn by the exchange's natural key: the same for the same record, however often it
    is read.
    """
    return (exchange.offset * 0x9E3779B1 + exchange.index * 0x85EBCA77) >> 7


def day_of(exchange: Exchange) -> int:
    """Days since the epoch: texts are told each day, for they are not kept for ever."""
    return exchange.end_ns // 86_400_000_000_000


def keep_texts(store: Store, texts: Mapping[int, str]) -> None:
    """Write skeletons by their numbers; durable on return."""
    if texts:
        store.insert(
            "shape_texts",
            pa.table(
                {
                    "shape": pa.array(list(texts), pa.uint64()),
                    "text": pa.array(list(texts.values()), pa.string()),
                }
            ),
        )
