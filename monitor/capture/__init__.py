"""Payloads out of applications: what passes an ASGI or WSGI application, httpx, requests or a
Kafka client, as records that the monitor reads.

Importable as `seamwatch.capture` where the wheel is installed. Imports nothing but the standard
library, and what it hooks into only when it is used; its modules know no other part of the
product, for an application may have a `monitor` of its own.
"""

from .aio_kafka import watch_aiokafka
from .asgi import AsgiCapture
from .capture import Capture, from_environment
from .clients import watch_httpx, watch_requests
from .confluent import watch_confluent
from .kafka_python import watch_kafka
from .routes import django_routes
from .settings import Bounds, Service, Settings
from .sinks import KafkaSink, OtlpSink
from .wsgi import WsgiCapture

__all__ = [
    "AsgiCapture",
    "Bounds",
    "Capture",
    "KafkaSink",
    "OtlpSink",
    "Service",
    "Settings",
    "WsgiCapture",
    "django_routes",
    "from_environment",
    "watch_aiokafka",
    "watch_confluent",
    "watch_httpx",
    "watch_kafka",
    "watch_requests",
]
