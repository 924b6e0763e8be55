"""Spans of ours to an OTLP/HTTP address; the specification's protobuf body, sent by httpx.

https://opentelemetry.io/docs/specs/otlp/#otlphttp
"""

from collections.abc import Sequence

import httpx
from opentelemetry.exporter.otlp.proto.common.trace_encoder import encode_spans
from opentelemetry.sdk.trace import ReadableSpan
from opentelemetry.sdk.trace.export import SpanExporter, SpanExportResult

from monitor.errors import ConfigError
from monitor.masking import shown
from monitor.model.addresses import web_address

SECONDS = 5.0


class OtlpExporter(SpanExporter):
    """Posts batches; a receiver that does not answer costs its batch, never a request of ours.

    ConfigError for an endpoint that is no address.
    """

    def __init__(self, endpoint: str, transport: httpx.BaseTransport | None = None) -> None:
        if web_address(endpoint) is None:
            raise ConfigError(
                f"tracing.endpoint {shown(endpoint)} cannot be read; give it as http://host:4318/v1/traces"
            )
        self._endpoint = endpoint
        self._client = httpx.Client(timeout=SECONDS, transport=transport, follow_redirects=False)

    def export(self, spans: Sequence[ReadableSpan]) -> SpanExportResult:
        """FAILURE when the receiver does not take them; the processor drops them."""
        try:
            answer = self._client.post(
                self._endpoint,
                content=encode_spans(spans).SerializeToString(),
                headers={"content-type": "application/x-protobuf"},
            )
        except (httpx.HTTPError, httpx.InvalidURL):
            return SpanExportResult.FAILURE
        return SpanExportResult.SUCCESS if answer.is_success else SpanExportResult.FAILURE

    def shutdown(self) -> None:
        """Close the connection."""
        self._client.close()
