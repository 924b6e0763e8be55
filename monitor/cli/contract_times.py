"""Times said on the command line to the document that publishes them."""

import json

from monitor.contracts.formats.timing import KEY, read_timing
from monitor.errors import ContractError, UsageError


def document_of(operation: str, timeout: str | None, latencies: list[str]) -> str:
    """The document as text; "" when no time is told. UsageError for a time that cannot
    be meant.
    """
    times: dict[str, object] = {} if timeout is None else {"timeout": timeout}
    if latencies:
        pairs = [latency.partition("=") for latency in latencies]
        bad = next(
            (latency for latency, (_, sign, _) in zip(latencies, pairs, strict=True) if not sign),
            None,
        )
        if bad is not None:
            raise UsageError(f"{bad!r} is no latency; write it as p99=300ms")
        times["latency"] = {name: limit for name, _, limit in pairs}
    if not times:
        return ""
    document = {KEY: {"operations": {operation: times}} if operation else times}
    try:
        read_timing(document, where="contracts timing")
    except ContractError as error:
        raise UsageError(str(error)) from None
    return json.dumps(document, indent=1)
