"""How many calls a sampled span stands for, from the W3C tracestate."""

from functools import lru_cache

NONE, HEAD, BIASED = 0, 1, 2
_FULL = 1 << 56


@lru_cache(maxsize=4096)
def weight_of(tracestate: str, unmarked: int = NONE) -> tuple[float, int]:
    """(weight, kind): `ot=th:T` rejects T of 2^56 traces, so a kept span stands for 2^56 / (2^56 -
    T) of them.

    kind: 0 none, 1 head (weight known), 2 biased (a threshold that cannot be read, or tail
    sampling). `unmarked` is the kind of a state that tells nothing.
    https://opentelemetry.io/docs/specs/otel/trace/tracestate-probability-sampling/
    """
    for member in tracestate.split(","):
        vendor, _, content = member.strip().partition("=")
        if vendor != "ot":
            continue
        for part in content.split(";"):
            key, _, value = part.partition(":")
            if key == "th":
                return _threshold(value)
    return 1.0, unmarked


def _threshold(text: str) -> tuple[float, int]:
    if not 1 <= len(text) <= 14:
        return 1.0, BIASED
    try:
        threshold = int(text.ljust(14, "0"), 16)
    except ValueError:
        return 1.0, BIASED
    return (_FULL / (_FULL - threshold), HEAD if threshold else NONE)
