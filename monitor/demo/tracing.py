"""How one instance of the shop is traced: OpenTelemetry SDK, its resource, and the batch way to
Kafka.
"""

import os
from typing import TYPE_CHECKING

from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.instrumentation.httpx import HTTPXClientInstrumentor, RequestInfo, ResponseInfo
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor
from opentelemetry.trace import Span

from monitor.demo.exporter import KafkaSpanExporter
from monitor.demo.kafka_client import Sink
from monitor.demo.settings import InstanceSettings

if TYPE_CHECKING:
    import httpx
    from fastapi import FastAPI

FLUSH_MILLISECONDS = 3_000


def trace_instance(settings: InstanceSettings, sink: Sink) -> TracerProvider:
    """A tracer provider for this instance. Shut it down to flush."""
    os.environ["OTEL_SEMCONV_STABILITY_OPT_IN"] = settings.conventions
    resource = Resource.create(
        {
            "service.name": settings.service,
            "service.namespace": settings.namespace,
            "service.version": settings.version,
            "service.instance.id": settings.instance,
            "deployment.environment.name"
            if settings.conventions
            else "deployment.environment": settings.environment,
        }
    )
    provider = TracerProvider(resource=resource, shutdown_on_exit=False)
    exporter = KafkaSpanExporter(sink, settings.spans_topic)
    provider.add_span_processor(
        BatchSpanProcessor(exporter, schedule_delay_millis=FLUSH_MILLISECONDS)
    )
    return provider


def trace_app(app: "FastAPI", provider: TracerProvider) -> None:
    """SERVER spans for every route; the inner send and receive spans are left out, as production
    set-ups do.
    """
    FastAPIInstrumentor.instrument_app(
        app, tracer_provider=provider, exclude_spans=["send", "receive"]
    )


def trace_client(client: "httpx.AsyncClient", provider: TracerProvider) -> None:
    """CLIENT spans and W3C trace context for every call; a response remembers its span's context
    for the API log.
    """

    async def remember(span: Span, _request: RequestInfo, response: ResponseInfo) -> None:
        if response.extensions is not None:
            response.extensions["span_context"] = span.get_span_context()

    HTTPXClientInstrumentor.instrument_client(
        client, tracer_provider=provider, response_hook=remember
    )
