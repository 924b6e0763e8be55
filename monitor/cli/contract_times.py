"""Times said on the command line to the document that publishes them."""

import json

from monitor.contracts.formats.timing import KEY, read_timing
from monitor.errors import ContractError, UsageError


def document_of(operation: str, timeout: str | None, latencies: list[str]) -> str:
    """The document as text; "" when no time is told. UsageError for a time that cannot be meant."""
    held: dict[str, object] = {} if timeout is None else {"timeout": timeout}
    if latencies:
        pairs = [one.partition("=") for one in latencies]
        bad = next((one for one, (_, sign, _) in zip(latencies, pairs, strict=True) if not sign), None)
        if bad is not None:
            raise UsageError(f"{bad!r} is no latency; write it as p99=300ms")
        held["latency"] = {name: said for name, _, said in pairs}
    if not held:
        return ""
    document = {KEY: {"operations": {operation: held}} if operation else held}
    try:
        read_timing(document, where="contracts timing")
    except ContractError as error:
        raise UsageError(str(error)) from None
    return json.dumps(document, indent=1)
