"""The span that the application's OpenTelemetry has open for a request that came without trace
context: its log then names that span, and the call counts once.
"""

import sys
from typing import Any


def server_span() -> tuple[str, str] | None:
    """Trace and span in hex, of the server's span that is open now. None where the application
    loaded no OpenTelemetry, or none is open and recorded.
    """
    trace = sys.modules.get("opentelemetry.trace")
    if trace is None:
        return None
    span = trace.get_current_span()
    if not span.is_recording():
        return None
    context: Any = span.get_span_context()
    if getattr(getattr(span, "kind", None), "name", "") != "SERVER":
        # middleware that stands within ours sends each answer under a span of its own, below
        # the server's
        context = span.parent if str(getattr(span, "name", "")).endswith(" http send") else None
    if context is None or not context.is_valid or not context.trace_flags.sampled:
        return None
    return f"{context.trace_id:032x}", f"{context.span_id:016x}"
