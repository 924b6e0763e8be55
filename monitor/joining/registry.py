"""The contract registry as the pipelines see it: read from the control store, checked for
publications, refreshed in time.
"""

import threading
from collections.abc import Callable
from dataclasses import replace

import structlog
from sqlalchemy import Engine

from monitor.clock import monotonic_seconds
from monitor.contracts.limits import REFRESH_SECONDS
from monitor.contracts.registry import Registry
from monitor.control import contracts as store
from monitor.edges.aliases import Aliases
from monitor.errors import StoreUnavailable
from monitor.model.contracts import Revision

log = structlog.get_logger(__name__)


class RegistryWatch:
    """Called, it gives a snapshot no older than `refresh_seconds`. Safe between threads.

    While the control store does not answer, the last snapshot stays in use; the first one must be
    readable. Providers, consumers, versions and environments are joined by the same aliases as
    telemetry.
    """

    def __init__(
        self,
        engine: Engine,
        aliases: Aliases,
        *,
        refresh_seconds: float = REFRESH_SECONDS,
        lenient_nullable: bool = True,
        seconds: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._engine = engine
        self._aliases = aliases
        self._refresh = refresh_seconds
        self._lenient = lenient_nullable
        self._seconds = seconds
        self._lock = threading.Lock()
        self._registry: Registry | None = None
        self._stamp: store.Stamp | None = None
        self._looked = 0.0
        self._told: set[tuple[str, int]] = set()

    def __call__(self) -> Registry:
        """The snapshot to use now."""
        with self._lock:
            now = self._seconds()
            if self._registry is None or now - self._looked >= self._refresh * 0.8:
                if self._registry is not None:
                    self._tell_broken(self._registry)
                self._registry = self._look(self._registry)
                self._looked = now
            return self._registry

    def _look(self, held: Registry | None) -> Registry:
        try:
            stamp = store.stamp(self._engine)
            if held is not None and stamp == self._stamp:
                return held
            fresh = Registry(
                [canonical(revision, self._aliases) for revision in store.listed(self._engine)],
                previous=held,
                lenient_nullable=self._lenient,
                text_of=self._text_of,
            )
        except StoreUnavailable as error:
            if held is None:
                raise
            log.warning("contracts not refreshed", reason=str(error))
            return held
        self._stamp = stamp
        return fresh

    def _text_of(self, revision: Revision) -> str:
        whole = store.revision(self._engine, revision.name, revision.number)
        return "" if whole is None else whole.document

    def _tell_broken(self, registry: Registry) -> None:
        """What was asked for and cannot be used is logged once."""
        for (name, number), reason in registry.met_broken.items():
            if (name, number) not in self._told:
                self._told.add((name, number))
                log.warning(
                    "contract cannot be used", contract=name, revision=number, reason=reason
                )


def canonical(revision: Revision, aliases: Aliases) -> Revision:
    """The revision under canonical names; empty ones (all versions, all environments)
    stay empty.
    """
    provider = aliases.service(revision.provider)
    return replace(
        revision,
        provider=provider,
        provider_version=aliases.version(provider, revision.provider_version)
        if revision.provider_version
        else "",
        consumer=aliases.service(revision.consumer) if revision.consumer else "",
        environment=aliases.environment(revision.environment) if revision.environment else "",
    )
