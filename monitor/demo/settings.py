"""What a child process of the shop is told on the first line of its input, and what later lines
change.
"""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field

import orjson

from monitor.demo.topology import ENVIRONMENT, NAMESPACE, Conventions

Routes = Mapping[str, tuple[tuple[int, float], ...]]
"""Host name -> the ports behind it with their weights: the shop's load balancer, told to every
caller.
"""


@dataclass(frozen=True, slots=True)
class InstanceSettings:
    """One process: which service and version it is, where it listens (an inherited socket) and
    where its telemetry goes.
    """

    service: str
    version: str
    instance: str
    listener: int
    bootstrap: str
    routes: Routes
    conventions: Conventions = "http"
    traced: bool = True
    environment: str = ENVIRONMENT
    namespace: str = NAMESPACE
    spans_topic: str = "otlp_spans"
    logs_topic: str = "api_logs"
    kafka_options: Mapping[str, str] = field(default_factory=dict)
    rate: float = 21.0
    seed: int = 0

    def to_line(self) -> bytes:
        """One line of JSON for the child's input."""
        return orjson.dumps(asdict(self)) + b"\n"

    @classmethod
    def from_line(cls, line: bytes) -> "InstanceSettings":
        """Read `to_line` back."""
        values = orjson.loads(line)
        values["routes"] = read_routes(values["routes"])
        return cls(**values)


def routes_line(routes: Routes) -> bytes:
    """One line of JSON that replaces a running child's routes."""
    return orjson.dumps({"routes": routes}) + b"\n"


def read_routes(raw: Mapping[str, list[list[float]]]) -> Routes:
    """Routes as JSON gives them, made exact again."""
    return {
        host: tuple((int(port), float(weight)) for port, weight in targets)
        for host, targets in raw.items()
    }
