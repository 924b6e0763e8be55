"""What is captured, how much of it, and who we are: plain values; `environment.py` reads them from
variables.
"""

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Service:
    """Who captures, in OpenTelemetry's words; empty text where nobody told."""

    name: str = ""
    version: str = ""
    instance: str = ""
    namespace: str = ""
    environment: str = ""


@dataclass(frozen=True, slots=True)
class Bounds:
    """What capturing may cost at most. What goes over a bound is dropped and counted, never waited
    for.

    `body_bytes` of one side's body are held, `nodes` values of it are looked at; a larger body is
    told as truncated. So is one for which there is no room: bodies of all exchanges under way and
    waiting hold at most `held_bytes`. At most `queue_records` records and `queue_bytes` of bodies
    wait. Shapes are made within `cpu_share` of one core. An object of more than `keys` keys is a map: its keys are
    data, and masked.
    """

    body_bytes: int = 65_536
    nodes: int = 5_000
    keys: int = 64
    held_bytes: int = 16_000_000
    queue_records: int = 2_000
    queue_bytes: int = 8_000_000
    cpu_share: float = 0.1
    batch_records: int = 200
    batch_bytes: int = 500_000
    batch_seconds: float = 1.0
    closing_seconds: float = 2.0


@dataclass(frozen=True, slots=True)
class Settings:
    """`share` of the exchanges is captured: of one trace all or none, wherever it is seen.

    Without `values` only shapes leave the process: names, types and lengths of lists. With it,
    values leave too, except those under a name that looks secret or holds a word of `redact`.
    `skip` names beginnings of paths and of topics that are not captured.
    """

    service: Service = field(default_factory=Service)
    share: float = 0.1
    values: bool = False
    redact: tuple[str, ...] = ()
    skip: tuple[str, ...] = ()
    bounds: Bounds = field(default_factory=Bounds)
