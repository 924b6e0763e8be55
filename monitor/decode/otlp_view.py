"""A view of OTLP's trace messages for reading fast: the same bytes on the wire, texts, attributes
and resources left as bytes.

protobuf's cost in Python is one object a sub-message. Attributes repeat from span to span, so
their bytes are looked up in a dictionary and parsed only when they are new: 4-5 us of CPU a span
instead of 11-12 with the generated classes (1 M spans of some 500 bytes, tests/bench). Field
numbers: opentelemetry-proto, trace/v1/trace.proto and collector/trace/v1.
"""

from monitor.decode.messages import Field, Messages, message_class

_MESSAGES: Messages = {
    "Span": (
        ("trace_id", 1, Field.TYPE_BYTES, False),
        ("span_id", 2, Field.TYPE_BYTES, False),
        ("trace_state", 3, Field.TYPE_BYTES, False),
        ("parent_span_id", 4, Field.TYPE_BYTES, False),
        ("name", 5, Field.TYPE_BYTES, False),
        ("kind", 6, Field.TYPE_INT32, False),
        ("start_time_unix_nano", 7, Field.TYPE_FIXED64, False),
        ("end_time_unix_nano", 8, Field.TYPE_FIXED64, False),
        ("attributes", 9, Field.TYPE_BYTES, True),
        ("events", 11, Field.TYPE_BYTES, True),
        ("links", 13, Field.TYPE_BYTES, True),
        ("status", 15, Field.TYPE_BYTES, False),
    ),
    "ScopeSpans": (("spans", 2, "Span", True),),
    "ResourceSpans": (
        ("resource", 1, Field.TYPE_BYTES, False),
        ("scope_spans", 2, "ScopeSpans", True),
    ),
    "Request": (("resource_spans", 1, "ResourceSpans", True),),
}


Request = message_class("otlp_view", _MESSAGES, "Request")
"""Reads an ExportTraceServiceRequest; `FromString` raises DecodeError for what is none."""
