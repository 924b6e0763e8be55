"""/v1/meaning: what means something else in a new version, though the schema is the same."""

from datetime import datetime, timedelta
from typing import Annotated

from fastapi import APIRouter, Query
from pydantic import BaseModel

from monitor.api.access import Opened, Reading
from monitor.api.faults import ERRORS
from monitor.api.moments import Hours, Name, ProviderName
from monitor.api.strict import StrictRoute
from monitor.joining.meaning import Compared, compared
from monitor.model.meaning import MeaningChange
from monitor.model.services import split_service
from monitor.store.reader import MeantQuery
from monitor.wording.meaning import meaning_sentence

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)


class ToldChange(BaseModel):
    """One place whose values mean something else, and a sentence of it. No value stands in it."""

    change: MeaningChange
    text: str


class MeaningFound(BaseModel):
    """What changed from `old` to `new`, the surest first, and the kinds of payloads that were
    compared. `old` is "" where there are no two versions to compare.
    """

    service: str
    old: str
    new: str
    since: datetime
    changes: list[ToldChange]
    kinds: list[Compared]


@router.get("/meaning", summary="What means something else in a new version under the same schema")
def meaning_of_versions(
    _caller: Reading,
    parts: Opened,
    service: ProviderName,
    old: Annotated[
        str, Query(max_length=200, description="A version; by default the usual one beside `new`")
    ] = "",
    new: Annotated[
        str, Query(max_length=200, description="A version; by default the one seen first last")
    ] = "",
    environment: Name = None,
    hours: Hours = 168,
) -> MeaningFound:
    """From marks of what the service sent, answers and requests: sizes, signs, decimals, lengths,
    formats, zones, mixes of hashed words. Whom it was sent to are strata, and hours where both
    versions were live at once.
    """
    now = parts.clock()
    since = now - timedelta(hours=hours)
    aliases = parts.config.aliases
    named = aliases.service(service)
    short, namespace = split_service(named)
    where = aliases.environment(environment) if environment else None
    asked = MeantQuery(short, namespace, where, [old, new] if old and new else [])
    comparison = compared(parts.reader, asked, old, new, since, now + timedelta(minutes=5))
    return MeaningFound(
        service=named,
        old=comparison.old,
        new=comparison.new,
        since=since,
        changes=[
            ToldChange(change=change, text=meaning_sentence(change))
            for change in comparison.changes
        ],
        kinds=list(comparison.kinds),
    )
