"""Settings from the variables that OpenTelemetry has, and from SEAMWATCH_CAPTURE_*; read once,
where a capture is made.
"""

import os
import sys
from collections.abc import Mapping
from dataclasses import replace
from typing import Any
from urllib.parse import unquote

from .settings import Bounds, Service, Settings

VARIABLES: dict[str, str] = {
    "SEAMWATCH_CAPTURE_SHARE": "share of the exchanges that is captured, 0 to 1; of one trace all or none",
    "SEAMWATCH_CAPTURE_VALUES": "`true`: values leave the process, too, without those under secret names",
    "SEAMWATCH_CAPTURE_REDACT": "words, separated by commas; what stands under a name that holds one is masked",
    "SEAMWATCH_CAPTURE_SKIP": "beginnings of paths and of topics, separated by commas, that are not captured",
    "SEAMWATCH_CAPTURE_BODY_BYTES": "bytes of a body that are held; a larger one is told as truncated",
    "SEAMWATCH_CAPTURE_CPU_SHARE": "share of one core within which records are written; what is over it is dropped and counted",
    "SEAMWATCH_CAPTURE_KAFKA_BROKERS": "`host:port,host:port`: records go to Kafka",
    "SEAMWATCH_CAPTURE_KAFKA_TOPIC": "their topic; `api_logs` unless told",
    "OTEL_EXPORTER_OTLP_LOGS_ENDPOINT": "records go to this address as OTLP logs in JSON, where no brokers are told",
    "OTEL_EXPORTER_OTLP_ENDPOINT": "the same; `/v1/logs` is added",
    "OTEL_EXPORTER_OTLP_HEADERS": "headers of those requests, `name=value,name=value`",
    "OTEL_SERVICE_NAME": "the service's name",
    "OTEL_RESOURCE_ATTRIBUTES": "`service.name`, `service.version`, `service.instance.id`, `service.namespace`, `deployment.environment.name`",
}
"""Every variable that is read, and what it means."""


def settings_of(variables: Mapping[str, str] | None = None) -> Settings:
    """Settings as the variables tell them. Raises ValueError that names the variable whose value
    cannot be read.
    """
    environ = os.environ if variables is None else variables
    own, bounds = Settings(), Bounds()
    return replace(
        own,
        service=service_of(environ),
        share=_number(environ, "SEAMWATCH_CAPTURE_SHARE", own.share, 1.0),
        values=environ.get("SEAMWATCH_CAPTURE_VALUES", "").strip().lower()
        in ("1", "true", "yes", "on"),
        redact=_words(environ.get("SEAMWATCH_CAPTURE_REDACT", "")),
        skip=_words(environ.get("SEAMWATCH_CAPTURE_SKIP", "")),
        bounds=replace(
            bounds,
            body_bytes=int(
                _number(environ, "SEAMWATCH_CAPTURE_BODY_BYTES", bounds.body_bytes, 16_000_000)
            ),
            cpu_share=_number(environ, "SEAMWATCH_CAPTURE_CPU_SHARE", bounds.cpu_share, 1.0),
        ),
    )


def service_of(variables: Mapping[str, str]) -> Service:
    """Who we are: OpenTelemetry's resource where its SDK runs in this process, else
    its variables.
    """
    attributes = {
        name.strip(): unquote(value.strip())
        for name, value in map(_pair, _words(variables.get("OTEL_RESOURCE_ATTRIBUTES", "")))
    }
    attributes |= (
        {"service.name": variables["OTEL_SERVICE_NAME"]}
        if variables.get("OTEL_SERVICE_NAME")
        else {}
    )
    attributes |= {
        name: value
        for name, value in _resource().items()
        if isinstance(value, str) and not value.startswith("unknown_service")
    }
    return Service(
        attributes.get("service.name", ""),
        attributes.get("service.version", ""),
        attributes.get("service.instance.id", ""),
        attributes.get("service.namespace", ""),
        attributes.get("deployment.environment.name", "")
        or attributes.get("deployment.environment", ""),
    )


def headers_of(text: str) -> dict[str, str]:
    """`name=value,name=value`, percent-encoded, as OTEL_EXPORTER_OTLP_HEADERS holds it."""
    return {
        name.strip(): unquote(value.strip())
        for name, value in map(_pair, _words(text))
        if name.strip()
    }


def _resource() -> Mapping[str, Any]:
    """The attributes of the resource of OpenTelemetry's tracer provider, where the application
    loaded one.
    """
    trace = sys.modules.get("opentelemetry.trace")
    provider = getattr(trace, "_TRACER_PROVIDER", None)  # get_tracer_provider() would make one
    attributes = getattr(getattr(provider, "resource", None), "attributes", None)
    return attributes if isinstance(attributes, Mapping) else {}


def _words(text: str) -> tuple[str, ...]:
    return tuple(word.strip() for word in text.split(",") if word.strip())


def _pair(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    return name, value


def _number(variables: Mapping[str, str], name: str, default: float, most: float) -> float:
    text = variables.get(name, "").strip()
    if not text:
        return default
    try:
        number = float(text)
    except ValueError:
        raise ValueError(f"{name} is {text[:40]!r}; it must be a number") from None
    if not 0 <= number <= most:
        raise ValueError(f"{name} is {text[:40]}; it must be from 0 to {most:g}")
    return number
