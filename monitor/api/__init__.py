"""The HTTP face: /v1 for programs, a page for people, probes for platforms. `create_app` builds it from opened parts."""

from monitor.api.app import create_app
from monitor.api.parts import ApiConfig, GateAnswer, Parts
from monitor.api.server import ApiServer

__all__ = ["ApiConfig", "ApiServer", "GateAnswer", "Parts", "create_app"]
