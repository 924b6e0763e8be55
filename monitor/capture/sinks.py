"""Where records go: a Kafka topic, or an OTLP receiver as logs. Both are opened by the thread that
ships, at its first batch.
"""

import gzip
import inspect
import json
import os
import time
import urllib.request
from collections.abc import Mapping, Sequence
from contextlib import suppress
from typing import Any

from .settings import Service
from .shipping import PartlyLost


class KafkaSink:
    """Records on a topic, by confluent-kafka or kafka-python, whichever is installed. Raises what
    the client raises; PartlyLost when some records were taken. A forked process opens a client of
    its own.
    """

    def __init__(
        self,
        brokers: str,
        topic: str = "api_logs",
        *,
        options: Mapping[str, Any] | None = None,
        seconds: float = 5.0,
    ) -> None:
        self._brokers, self._topic, self._options, self._seconds = (
            brokers,
            topic,
            dict(options or {}),
            seconds,
        )
        self._producer: Any = None
        self._pid = 0
        # kept, for what ends such a client waits for threads that a fork did not bring along
        self._parents: list[Any] = []
        self._confluent = False

    def __call__(self, records: Sequence[bytes]) -> None:
        """Send, and wait until the brokers took all, or fail."""
        if self._producer is not None and self._pid != os.getpid():
            self._parents.append(self._producer)
            self._producer = None
        producer = self._producer = self._producer or self._opened()
        self._pid = os.getpid()
        taken = (
            self._by_confluent(producer, records)
            if self._confluent
            else self._by_kafka_python(producer, records)
        )
        if taken < len(records):
            raise PartlyLost(len(records) - taken)

    def _by_confluent(self, producer: Any, records: Sequence[bytes]) -> int:
        taken: list[None] = []
        for record in records:
            # too large for its settings, or its queue is full: the next one may do
            with suppress(Exception):
                producer.produce(
                    self._topic,
                    record,
                    on_delivery=lambda error, _: None if error else taken.append(None),
                )
        if producer.flush(self._seconds):
            producer.purge()
            producer.poll(0)
        return len(taken)

    def _by_kafka_python(self, producer: Any, records: Sequence[bytes]) -> int:
        futures, taken = [], 0
        until = time.monotonic() + self._seconds
        for record in records:
            with suppress(Exception):
                # not as instrumentations have it
                futures.append(inspect.unwrap(type(producer).send)(producer, self._topic, record))
            if not futures and time.monotonic() > until:
                return 0  # nobody is there: each further one would wait as long
        for future in futures:
            with suppress(Exception):
                future.get(timeout=max(0.0, until - time.monotonic()))
                taken += 1
        return taken

    def close(self) -> None:
        """Let the client go; the next batch opens another one."""
        producer, self._producer = self._producer, None
        if self._pid != os.getpid():
            self._parents.append(producer)
        elif producer is not None and hasattr(producer, "close"):
            producer.close() if self._confluent else producer.close(self._seconds)

    def _opened(self) -> Any:
        try:
            # The application's own client, loaded when it is used; not as instrumentations have
            # it, for what we ship is no call of it
            from confluent_kafka.cimpl import Producer  # noqa: PLC0415 - as above
        except ImportError:
            from kafka import KafkaProducer  # noqa: PLC0415 - as above

            options = {"linger_ms": 50, "max_block_ms": int(self._seconds * 1000)} | self._options
            return KafkaProducer(bootstrap_servers=self._brokers.split(","), **options)
        self._confluent = True
        options = {
            "linger.ms": 50,
            "message.timeout.ms": int(self._seconds * 1000),
        } | self._options
        return Producer({"bootstrap.servers": self._brokers, **options})


class OtlpSink:
    """Records as OTLP logs in JSON over HTTP.
    https://opentelemetry.io/docs/specs/otlp/#otlphttp
    """

    def __init__(
        self,
        url: str,
        service: Service,
        *,
        headers: Mapping[str, str] | None = None,
        seconds: float = 5.0,
    ) -> None:
        if not url.startswith(("http://", "https://")):
            raise ValueError("an OTLP receiver is told as http://… or https://…")
        self._url, self._service, self._headers, self._seconds = (
            url,
            service,
            dict(headers or {}),
            seconds,
        )

    def __call__(self, records: Sequence[bytes]) -> None:
        """Send one request with all of them."""
        body = gzip.compress(json.dumps(self.request(records)).encode(), 1)
        headers = {"content-type": "application/json", "content-encoding": "gzip", **self._headers}
        asked = urllib.request.Request(self._url, body, headers, method="POST")  # noqa: S310 - told as http or https
        with urllib.request.urlopen(asked, timeout=self._seconds) as answer:  # noqa: S310  # nosec B310
            answer.read(65_536)

    def request(self, records: Sequence[bytes]) -> dict[str, Any]:
        """An ExportLogsServiceRequest in OTLP's JSON; the text of each log record is one of our
        records.
        """
        service = self._service
        attributes = {
            "service.name": service.name,
            "service.version": service.version,
            "service.instance.id": service.instance,
            "service.namespace": service.namespace,
            "deployment.environment.name": service.environment,
        }
        resource = [
            {"key": key, "value": {"stringValue": value}}
            for key, value in attributes.items()
            if value
        ]
        logs = [
            {
                "timeUnixNano": str(json.loads(record)["time"]),
                "body": {"stringValue": record.decode()},
            }
            for record in records
        ]
        scope = {"scope": {"name": "seamwatch.capture"}, "logRecords": logs}
        return {"resourceLogs": [{"resource": {"attributes": resource}, "scopeLogs": [scope]}]}
