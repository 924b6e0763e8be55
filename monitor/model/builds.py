"""Resource attributes that tell of an instance's build, or of the place where it runs: the few
that are kept of what a span's resource says.
"""

from typing import Literal, get_args

BuildAttribute = Literal[
    "container.image.name",
    "container.image.tags",
    "container.image.id",
    "vcs.ref.head.name",
    "vcs.ref.head.revision",
    "process.runtime.name",
    "process.runtime.version",
    "telemetry.sdk.version",
    "telemetry.distro.version",
    "host.arch",
    "host.type",
    "os.version",
    "k8s.node.name",
    "cloud.availability_zone",
]
"""Names of OpenTelemetry's resource conventions,
https://opentelemetry.io/docs/specs/semconv/resource/.
"""
BUILD: tuple[BuildAttribute, ...] = get_args(BuildAttribute)
MOST_TEXT = 200
"""Characters that are kept of a value."""

Build = tuple[tuple[BuildAttribute, str], ...]
"""What a resource says, in BUILD's order; nothing of what it leaves out."""
