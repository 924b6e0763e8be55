"""Who sent each message, by the span that its headers name; what no span tells stays as the
settings say.
"""

import itertools
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import replace
from typing import Any

from monitor.model.exchanges import MESSAGING, Exchange
from monitor.store import Store

_AT_ONCE = 5_000


def named_senders(exchanges: Sequence[Exchange], store: Store) -> list[Exchange]:
    """The same exchanges, with caller, version and environment of the sending span where it has
    come already.

    A span that comes later is joined when its window is closed: the edge and the broken clauses
    then bear its names.
    """
    asked = list({_span(exchange) for exchange in exchanges if _is_sought(exchange)})
    senders: dict[str, dict[str, Any]] = {}
    for at in range(0, len(asked), _AT_ONCE):
        senders |= {
            row["message"]: row
            for row in store.ask("senders", {"messages": asked[at : at + _AT_ONCE]})
        }
    if not senders:
        return list(exchanges)
    return [
        _named(exchange, senders[_span(exchange)])
        if _is_sought(exchange) and _span(exchange) in senders
        else exchange
        for exchange in exchanges
    ]


def named_as_they_come(exchanges: Iterable[Exchange], store: Store) -> Iterator[Exchange]:
    """As named_senders, one after the other: from a message that is asked about on, some thousand
    are held back at once.
    """
    coming = iter(exchanges)
    for exchange in coming:
        if _is_sought(exchange):
            yield from named_senders([exchange, *itertools.islice(coming, _AT_ONCE - 1)], store)
        else:
            yield exchange


def _is_sought(exchange: Exchange) -> bool:
    """A message whose headers name a span, and that does not tell the sender's version itself."""
    return (
        bool(exchange.span_id) and exchange.protocol == MESSAGING and not exchange.caller_version
    )


def _span(exchange: Exchange) -> str:
    return (exchange.trace_id + exchange.span_id).hex()


def _named(exchange: Exchange, row: dict[str, Any]) -> Exchange:
    return replace(
        exchange,
        caller=row["service"],
        caller_version=row["version"],
        caller_namespace=row["namespace"],
        environment=row["environment"] or exchange.environment,
    )
