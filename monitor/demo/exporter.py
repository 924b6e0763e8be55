"""Spans to Kafka exactly as the OpenTelemetry Collector's kafka exporter writes them: otlp_proto,
one batch a message, no key.
"""

from collections.abc import Sequence

from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from monitor.demo.kafka_client import Sink


class KafkaSpanExporter(SpanExporter):
    """Writes each batch as one ExportTraceServiceRequest in protobuf, uncopied headers, no key.

    https://github.com/open-telemetry/opentelemetry-collector-contrib/tree/main/exporter/kafkaexporter
    """

    def __init__(self, sink: Sink, topic: str) -> None:
        self._sink = sink
        self._topic = topic

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """Encode and queue one batch."""
        if spans:
            self._sink.send(self._topic, encode_spans(spans).SerializeToString())
        return SpanExportResult.SUCCESS

    def shutdown(self) -> None:
        """Nothing of its own to close: the sink belongs to whoever made it."""

    def force_flush(self, timeout_millis: int = 30_000) -> bool:
        """Batches are handed on as they come."""
        return timeout_millis >= 0
