"""Statuses that no example shows and that break none: the call was not served for now, or what the
example's state promises was not there. Any other is the provider's word, and breaks the example.
"""

from collections.abc import Iterable, Sequence

# gateways answer so for a provider that is down or busy, and no log shows for sure who did
PROVIDER_FAILED = "provider_failed"
# several examples fit, or one in a state of the provider that was not given: no log shows it
AMBIGUOUS_STATE = "ambiguous_state"

# numbers of gRPC are DEADLINE_EXCEEDED, RESOURCE_EXHAUSTED, UNAVAILABLE, NOT_FOUND:
# https://grpc.github.io/grpc/core/md_doc_statuscodes.html
NOT_SERVED = frozenset({429, 502, 503, 504})
_NOT_SERVED = frozenset(
    {*map(str, NOT_SERVED), "grpc-status 4", "grpc-status 8", "grpc-status 14"}
)
# nobody answers so of himself: https://www.rfc-editor.org/rfc/rfc9110#section-15.6.3
_OF_GATEWAYS_ALONE = frozenset({502, 504})
# what a page of a gateway's own breaks, and no answer of a provider that means its contract
_ELSEWHERE = frozenset({"undocumented_media_type", "not_json", "missing_body"})
_NOT_THERE = frozenset({"404", "410", "grpc-status 5"})


def made_elsewhere(status: int, rules: Iterable[str]) -> bool:
    """Whether an answer that breaks these rules of what a contract says of its status may be that
    of a gateway before the provider. A contract that lists all statuses speaks of gateways, too.
    """
    broken = frozenset(rules)
    if status not in NOT_SERVED or "undocumented_status" in broken:
        return False
    return not broken.isdisjoint(_ELSEWHERE) or (bool(broken) and status in _OF_GATEWAYS_ALONE)


def outside(actual: str, states: Sequence[str]) -> str:
    """Why an answer of this status breaks none of the examples that fit; "" where it does.

    The status is as a mismatch tells it: "503", or "grpc-status 14". `states` are the provider
    states of those examples.
    """
    if actual in _NOT_SERVED:
        return PROVIDER_FAILED
    return AMBIGUOUS_STATE if states and actual in _NOT_THERE else ""
