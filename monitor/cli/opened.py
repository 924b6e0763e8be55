"""Opened parts for commands that have no running `seamwatch up` to talk to."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.api.parts import GateAnswer, Parts
    from monitor.config import Settings


@contextmanager
def opened(settings: "Settings") -> "Iterator[Parts]":
    """The same parts as `seamwatch up` has; closed at the end. StoreError when another process holds the embedded store."""
    from monitor.cli.assembly import house

    with house(settings, guest=True) as whole:
        parts = whole.api(secrets.token_urlsafe())

        def gate(service: str, version: str, environment: str | None, _wait_seconds: float) -> "GateAnswer":
            """Nothing runs that could change the answer, so nothing is waited for."""
            return whole.gate(service, version, environment, 0.0)

        alone = replace(parts.config, host="127.0.0.1", requests_per_second=1e9, burst=10**9)
        yield replace(parts, config=alone, gate=gate)
