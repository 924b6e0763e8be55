"""Revisions that were approved from a deploy on, published when that deploy is told of or seen."""

from dataclasses import replace
from datetime import datetime, timedelta

import structlog
from sqlalchemy import Engine

from monitor.contracts.read import read_draft
from monitor.control.awaited import Awaited, awaited, forget_awaited
from monitor.control.contracts import publish
from monitor.control.deploys import list_deploys
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.model.contracts import ContractDraft, Revision
from monitor.model.deploys import VERSION_CHANGES
from monitor.model.services import split_service

log = structlog.get_logger(__name__)
LOOK_BACK = timedelta(days=7)
"""A version that was deployed so long before it was named counts as the deploy that is meant."""


def deployed_at(
    engine: Engine, aliases: Aliases, draft: ContractDraft, version: str, asked: datetime
) -> datetime | None:
    """When the provider's version was first deployed where the draft holds, since a week before it
    was asked for; None while nobody told of it and no span showed it.
    """
    provider = aliases.service(draft.provider)
    name, namespace = split_service(provider)
    wanted = aliases.version(provider, version)
    environment = aliases.environment(draft.environment) if draft.environment else None
    starts = [
        min(deploy.started, deploy.first_traffic or deploy.started)
        for deploy in list_deploys(
            engine, environment=environment, service=name, since=asked - LOOK_BACK
        )
        if deploy.kind in VERSION_CHANGES
        and deploy.version == wanted
        and namespace in ("", deploy.namespace or namespace)
    ]
    return min(starts, default=None)


class AwaitedRevisions:
    """Publishes what waits, each when its deploy is known. What cannot be published any more is
    told once and waits on.
    """

    def __init__(self, engine: Engine, aliases: Aliases) -> None:
        self._engine, self._aliases = engine, aliases
        self._refused: set[tuple[str, str, datetime]] = set()

    def step(self, now: datetime) -> list[Revision]:
        """The revisions that came into force with a deploy since the last time."""
        done: list[Revision] = []
        for held in awaited(self._engine):
            start = deployed_at(self._engine, self._aliases, held.draft, held.version, held.asked)
            if start is not None and (revision := self._begun(held, start, now)) is not None:
                done.append(revision)
        return done

    def _begun(self, held: Awaited, start: datetime, now: datetime) -> Revision | None:
        draft = replace(held.draft, effective_from=start)
        try:
            done = publish(self._engine, draft, now, read=read_draft, published_by=held.asked_by)
        except ContractError as error:
            key = (held.name, held.environment, held.asked)
            if key not in self._refused:
                self._refused.add(key)
                log.warning(
                    "an approved revision is refused", contract=held.name, reason=str(error)
                )
            return None
        forget_awaited(self._engine, held.name, held.environment)
        return done.revision
