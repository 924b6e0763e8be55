"""Refused on purpose: which failures are load that is shed, a service that is not there for the
moment, or a circuit that is open.

By HTTP status (429 and 503, RFC 6585 and RFC 9110), by gRPC status, and by the words of the usual
libraries' exceptions: resilience4j's CallNotPermittedException and BulkheadFullException, Polly's
BrokenCircuitException, Hystrix, gobreaker, Envoy's overflow.
"""

from collections.abc import Mapping
from functools import lru_cache

from monitor.model.edges import EdgeCell
from monitor.model.judging import Refusal

_CODES: Mapping[str, Refusal] = {
    "429": "throttled",
    "resource_exhausted": "throttled",
    "503": "unavailable",
    "unavailable": "unavailable",
}
_WORDS: tuple[tuple[Refusal, tuple[str, ...]], ...] = (
    ("circuit_open", ("circuit", "callnotpermitted", "hystrix", "shortcircuit", "breaker")),
    (
        "throttled",
        (
            "toomanyrequests",
            "ratelimit",
            "throttl",
            "loadshed",
            "overload",
            "bulkhead",
            "resourceexhausted",
        ),
    ),
    ("unavailable", ("serviceunavailable", "unavailable")),
)


@lru_cache(maxsize=4096)
def refusal_of(error_type: str) -> Refusal | None:
    """Which kind of refusal an error type tells of; None for a plain failure."""
    low = error_type.lower()
    if low in _CODES:
        return _CODES[low]
    plain = "".join(letter for letter in low if letter.isalnum())
    return next((kind for kind, words in _WORDS if any(word in plain for word in words)), None)


def refused(cell: EdgeCell) -> dict[Refusal, int]:
    """The cell's refused calls by kind, those that have any."""
    counts: dict[Refusal, int] = {}
    for error_type, count in cell.error_types.items():
        kind = refusal_of(error_type)
        if kind and count:
            counts[kind] = counts.get(kind, 0) + count
    return counts
