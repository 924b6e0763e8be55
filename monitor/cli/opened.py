"""Opened parts for commands that have no running `seamwatch up` to talk to."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.api.parts import Parts
    from monitor.config import Settings


@contextmanager
def opened(settings: "Settings") -> "Iterator[Parts]":
    """Both stores, the reader and the gate; closed at the end. StoreError when another process holds the embedded store."""
    from monitor.api.names import joined
    from monitor.api.parts import ApiConfig, GateAnswer, Parts
    from monitor.cli.names import written_aliases
    from monitor.clock import system_clock
    from monitor.control.store import open_control
    from monitor.gate import asked, evaluate_gate
    from monitor.store import open_store
    from monitor.store.reader import Reader
    from monitor.telemetry import HealthBoard

    settings.data_dir.mkdir(parents=True, exist_ok=True)
    store = open_store(settings.clickhouse())
    try:
        engine = open_control(settings.control())
        try:
            reader = Reader(store)
            aliases = written_aliases(settings)

            def gate(service: str, version: str, environment: str | None, _wait_seconds: float) -> GateAnswer:
                """Nothing runs that could change the answer, so nothing is waited for."""
                return evaluate_gate(
                    reader, engine, asked(joined(aliases, engine), service, version, environment), system_clock()
                )

            config = ApiConfig(
                host="127.0.0.1", local_token=secrets.token_urlsafe(), requests_per_second=1e9, burst=10**9, aliases=aliases
            )
            yield Parts(reader, store, engine, HealthBoard(), config=config, gate=gate)
        finally:
            engine.dispose()
    finally:
        store.close()
