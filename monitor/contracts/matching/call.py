"""One exchange as matchers look at it: each of its places read at the first question and once."""

from functools import lru_cache
from urllib.parse import unquote, unquote_plus

from monitor.contracts.payloads import Payload
from monitor.contracts.queries import query_pairs
from monitor.model.exchanges import Exchange


class Call:
    """A request and its response. `query` is None when the source does not tell it, or tells too
    much of it.
    """

    __slots__ = ("_query", "_query_read", "exchange", "request", "response")

    def __init__(self, exchange: Exchange, request: Payload, response: Payload) -> None:
        self.exchange = exchange
        self.request = request
        self.response = response
        self._query: dict[str, list[str]] | None = None
        self._query_read = False

    @property
    def query(self) -> dict[str, list[str]] | None:
        """Decoded values by name, in their order."""
        if not self._query_read:
            self._query_read = True
            exchange = self.exchange
            if not exchange.query and exchange.query_known:
                self._query = {}
            elif exchange.query:
                pairs = query_pairs(exchange.query)
                if pairs is not None:
                    by_name: dict[str, list[str]] = {}
                    for name, value in pairs:
                        by_name.setdefault(name, []).append(unquote_plus(value))
                    self._query = by_name
        return self._query


def plain_path(path: str) -> str:
    """A path without percent-encoding."""
    return _unquoted(path) if "%" in path else path


_unquoted = lru_cache(maxsize=16_384)(unquote)
