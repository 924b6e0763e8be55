"""Where records go: a Kafka topic, or an OTLP receiver as logs. Both are opened by the thread that ships, at its first batch."""

import gzip
import json
import urllib.request
from collections.abc import Mapping, Sequence
from typing import Any

from .settings import Service


class KafkaSink:
    """Records on a topic, by confluent-kafka or kafka-python, whichever is installed. Raises what the client raises."""

    def __init__(
        self, brokers: str, topic: str = "api_logs", *, options: Mapping[str, Any] | None = None, seconds: float = 5.0
    ) -> None:
        self._brokers, self._topic, self._options, self._seconds = brokers, topic, dict(options or {}), seconds
        self._producer: Any = None
        self._confluent = False

    def __call__(self, records: Sequence[bytes]) -> None:
        """Send, and wait until the brokers took all, or fail."""
        producer = self._producer = self._producer or self._opened()
        if self._confluent:
            failed: list[Any] = []
            for record in records:
                producer.produce(self._topic, record, on_delivery=lambda error, _: failed.append(error) if error else None)
            if producer.flush(self._seconds) or failed:
                producer.purge()
                raise OSError("Kafka did not take the records")
            return
        for future in [producer.send(self._topic, record) for record in records]:
            future.get(timeout=self._seconds)

    def close(self) -> None:
        """Let the client go; the next batch opens another one."""
        producer, self._producer = self._producer, None
        if producer is not None and hasattr(producer, "close"):
            producer.close() if self._confluent else producer.close(self._seconds)

    def _opened(self) -> Any:
        try:
            from confluent_kafka import Producer  # noqa: PLC0415 - the application's own client, loaded when it is used
        except ImportError:
            from kafka import KafkaProducer  # noqa: PLC0415 - as above

            options = {"linger_ms": 50, "max_block_ms": int(self._seconds * 1000)} | self._options
            return KafkaProducer(bootstrap_servers=self._brokers.split(","), **options)
        self._confluent = True
        options = {"linger.ms": 50, "message.timeout.ms": int(self._seconds * 1000)} | self._options
        return Producer({"bootstrap.servers": self._brokers, **options})


class OtlpSink:
    """Records as OTLP logs in JSON over HTTP. https://opentelemetry.io/docs/specs/otlp/#otlphttp"""

    def __init__(self, url: str, service: Service, *, headers: Mapping[str, str] | None = None, seconds: float = 5.0) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("an OTLP receiver is told as http://… or https://…")
        self._url, self._service, self._headers, self._seconds = url, service, dict(headers or {}), seconds

    def __call__(self, records: Sequence[bytes]) -> None:
        """Send one request with all of them."""
        body = gzip.compress(json.dumps(self.request(records)).encode(), 1)
        headers = {"content-type": "application/json", "content-encoding": "gzip", **self._headers}
        asked = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - told as http or https
        with urllib.request.urlopen(asked, timeout=self._seconds) as answer:  # noqa: S310  # nosec B310
            answer.read(65_536)

    def request(self, records: Sequence[bytes]) -> dict[str, Any]:
        """An ExportLogsServiceRequest in OTLP's JSON; the text of each log record is one of our records."""
        service = self._service
        told = {
            "service.name": service.name,
            "service.version": service.version,
            "service.instance.id": service.instance,
            "service.namespace": service.namespace,
            "deployment.environment.name": service.environment,
        }
        resource = [{"key": key, "value": {"stringValue": value}} for key, value in told.items() if value]
        logs = [{"timeUnixNano": str(json.loads(one)["time"]), "body": {"stringValue": one.decode()}} for one in records]
        scope = {"scope": {"name": "seamwatch.capture"}, "logRecords": logs}
        return {"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [scope]}]}
