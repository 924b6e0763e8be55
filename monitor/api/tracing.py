"""Our own traces by opentelemetry-sdk: off unless told where to; named "seamwatch", so that our
pipeline leaves them out.
"""

from fastapi import FastAPI
from opentelemetry.instrumentation.fastapi import FastAPIInstrumentor
from opentelemetry.sdk.resources import Resource
from opentelemetry.sdk.trace import TracerProvider
from opentelemetry.sdk.trace.export import BatchSpanProcessor, ConsoleSpanExporter, SpanExporter

SERVICE_NAME = "seamwatch"
_QUIET = "healthz,readyz,metrics,static/.*,events"


def instrument(
    app: FastAPI, traces_to: str, exporter: SpanExporter | None = None
) -> TracerProvider | None:
    """Trace requests of this app: to "console" or an OTLP/HTTP address; "" traces nothing. Returns
    what to shut down at the end.

    No global provider is set: a program that holds us keeps its own.
    """
    if not traces_to and exporter is None:
        return None
    provider = TracerProvider(resource=Resource.create({"service.name": SERVICE_NAME}))
    provider.add_span_processor(BatchSpanProcessor(exporter or _exporter(traces_to)))
    FastAPIInstrumentor.instrument_app(app, tracer_provider=provider, excluded_urls=_QUIET)
    return provider


def _exporter(traces_to: str) -> SpanExporter:
    if traces_to == "console":
        return ConsoleSpanExporter()
    from monitor.api.otlp import OtlpExporter  # noqa: PLC0415 - only who asks for it pays for its imports

    return OtlpExporter(traces_to)
