"""What a status that no example shows tells: an answer of the interaction, or one that was given
for reasons outside of it.

A pact shows one call in one state of its provider. That the provider was down, that the caller had
no right to ask, or that the state was another one is nothing that it speaks of.
"""

from collections.abc import Iterable, Sequence

# the provider could not serve anybody, or not now
PROVIDER_FAILED = "provider_failed"
# it did not take the caller for one that may ask
UNAUTHORIZED = "unauthorized"
# several examples fit, or one in a state that no log shows
AMBIGUOUS_STATE = "ambiguous_state"

_UNAUTHORIZED = frozenset({401, 403, 407, 511})
_LATER = frozenset({408, 421, 425, 429, 431})
_NOT_SERVED = frozenset({501, 505})  # what was asked for is not offered: the provider's own word
_MISUNDERSTOOD = frozenset({400, 405, 406, 411, 413, 414, 415})
"""Refusals of the request as it is: no state of the provider makes it right."""
# https://grpc.github.io/grpc/core/md_doc_statuscodes.html
_GRPC = "grpc-status "
_GRPC_FAILED = frozenset({1, 2, 4, 8, 13, 14, 15})
_GRPC_UNAUTHORIZED = frozenset({7, 16})
_GRPC_MISUNDERSTOOD = frozenset({3, 11, 12})


def outside(actual: str, expected: Iterable[str], states: Sequence[str]) -> str:
    """Why an answer of this status breaks none of the examples that fit; "" where it does.

    Statuses are as they are told of a mismatch: "404", or "grpc-status 5". `states` are those of
    the examples; `expected` are the statuses that these show.
    """
    if actual.startswith(_GRPC):
        return _of_grpc(actual.removeprefix(_GRPC), states)
    if not actual.isdecimal():
        return ""
    status = int(actual)
    if status in _UNAUTHORIZED:
        return UNAUTHORIZED
    if status in _LATER or (status >= 500 and status not in _NOT_SERVED):
        return PROVIDER_FAILED
    other_kind = all(word[:1] != actual[:1] for word in expected)
    by_state = states and other_kind and status not in _MISUNDERSTOOD | _NOT_SERVED
    return AMBIGUOUS_STATE if by_state else ""


def _of_grpc(code: str, states: Sequence[str]) -> str:
    if not code.isdecimal():
        return ""
    if int(code) in _GRPC_UNAUTHORIZED:
        return UNAUTHORIZED
    if int(code) in _GRPC_FAILED:
        return PROVIDER_FAILED
    return AMBIGUOUS_STATE if states and int(code) not in _GRPC_MISUNDERSTOOD else ""
