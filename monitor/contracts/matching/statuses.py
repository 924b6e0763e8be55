"""Statuses that no example shows and that break none: the call was not served for now, or what the
example's state promises was not there. Any other is the provider's word, and breaks the example.
"""

from collections.abc import Sequence

# gateways answer so for a provider that is down or busy, and no log shows for sure who did
PROVIDER_FAILED = "provider_failed"
# several examples fit, or one in a state of the provider that was not given: no log shows it
AMBIGUOUS_STATE = "ambiguous_state"

# numbers of gRPC are DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE, NOT_FOUND:
# https://grpc.github.io/grpc/core/md_doc_statuscodes.html
_NOT_SERVED = frozenset(
    {"429", "502", "503", "504", "grpc-status 4", "grpc-status 8", "grpc-status 14"}
)
_NOT_THERE = frozenset({"404", "410", "grpc-status 5"})


def outside(actual: str, states: Sequence[str]) -> str:
    """Why an answer of this status breaks none of the examples that fit; "" where it does.

    The status is as a mismatch tells it: "503", or "grpc-status 14". `states` are the provider
    states of those examples.
    """
    if actual in _NOT_SERVED:
        return PROVIDER_FAILED
    return AMBIGUOUS_STATE if states and actual in _NOT_THERE else ""
