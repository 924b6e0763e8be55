"""A revision that is about to be published, beside the one before it and beside what
was recorded.
"""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from functools import cache, lru_cache

from sqlalchemy import Engine

from monitor.contracts.between import Held, between, may_contradict
from monitor.contracts.change import Change, Read
from monitor.contracts.changes import changes
from monitor.contracts.compatibility.reading_on import reads_on
from monitor.contracts.contradictions import MOST, Contradiction
from monitor.contracts.form import Promise
from monitor.contracts.read import document_of, read_contract
from monitor.control.contracts import Publication, listed, whole
from monitor.edges.aliases import Aliases
from monitor.errors import ContractError
from monitor.joining.recorded import Recorded, recorded
from monitor.joining.recorded_examples import recorded_examples
from monitor.joining.recorded_firsts import FirstExamples
from monitor.joining.recorded_messages import MessageSkeletons
from monitor.joining.recorded_shapes import RecordedShapes
from monitor.joining.registry import canonical
from monitor.model.contracts import Revision
from monitor.model.services import split_service
from monitor.store.reader import Provider, Reader

HOURS = 24
"""So far back recorded exchanges are asked."""


def changed_since(before: Revision | None, revision: Revision) -> list[Change]:
    """What a revision says otherwise than the one before; nothing for a first one, and where that
    one cannot be read any more.
    """
    if before is None:
        return []
    try:
        return changes(read_revision(before), read_revision(revision))
    except ContractError:
        return []


def recorded_for(
    reader: Reader,
    aliases: Aliases,
    planned: Publication,
    changed: Sequence[Change],
    now: datetime,
    hours: int = HOURS,
) -> Recorded:
    """What the last hours' recorded exchanges tell of a revision; the same for the newest one when
    it says the same already.
    """
    revision = canonical(planned.revision, aliases)
    promise = read_revision(planned.revision).promise
    since, until = now - timedelta(hours=hours), now + timedelta(minutes=5)
    provider = provider_of(revision)
    if promise.by_example:
        shown = reader.interactions(revision.name, since, until, revision.environment)
        sent = _messages(reader, provider, planned.revision, since, until)
        if shown or (promise.messages and not promise.interactions):
            return recorded_examples(
                shown,
                promise,
                changed,
                hours,
                messages=sent,
                reads_on=_reads_on(planned),
                once=lambda names: reader.exchanges_shown(
                    revision.name, names, since, until, revision.environment
                ),
            )
        firsts = FirstExamples(
            planned.revision.format,
            read_revision(planned.revision),
            reader.shapes(provider, since, until),
            reader.shape_marks(provider, since, until),
        )
        exchanges = reader.recorded(provider, since, until)
        return recorded_examples(shown, promise, changed, hours, exchanges, firsts, sent)
    rows = reader.recorded(provider, since, until)
    before = planned.before.number if planned.before is not None else None
    shapes = RecordedShapes(
        reader.shapes(provider, since, until),
        promise,
        _promise_before(planned.before),
        reader.shape_marks(provider, since, until),
    )
    return recorded(
        rows,
        promise,
        name=revision.name,
        before=before,
        changed=changed,
        hours=hours,
        shapes=shapes,
    )


def _messages(
    reader: Reader, provider: Provider, revision: Revision, since: datetime, until: datetime
) -> MessageSkeletons | None:
    """What is kept of the records that a contract's messages may be: those that its provider sends,
    and what stands in topics whose contract binds whoever writes there. None where it has none.
    """
    read = read_revision(revision)
    messages = read.promise.messages
    if not messages:
        return None
    topics = {message.topic for message in messages if not message.own} - {""}
    own = any(message.own for message in messages)
    # whom a record is for does not stand in it, so that a consumer is no condition here
    asked = replace(
        provider, consumer="", version="", sent=True, topics=sorted(topics),
        names=provider.names if own else [],
    )  # fmt: skip
    rows, marks = reader.shapes(asked, since, until), reader.shape_marks(asked, since, until)
    return MessageSkeletons(revision.format, read, rows, marks)


def _reads_on(planned: Publication) -> bool:
    """Whether all that the revision before reads of binary messages this one reads."""
    before, now = planned.before, planned.revision
    if before is None or before.format != now.format:
        return False
    try:
        was = read_revision(before).document
        return reads_on(now.format, was, read_revision(now).document)
    except ContractError:
        return False


def _promise_before(before: Revision | None) -> Promise | None:
    """None where there was none, or one that cannot be read any more."""
    try:
        return None if before is None else promise_of(before)
    except ContractError:
        return None


def provider_of(revision: Revision) -> Provider:
    """Whose exchanges a revision binds."""
    short, namespace = split_service(revision.provider)
    return Provider(
        sorted({revision.provider, short}),
        namespace,
        revision.environment,
        revision.consumer,
        revision.provider_version,
    )


def contradicted(engine: Engine, revision: Revision, aliases: Aliases) -> list[Contradiction]:
    """Where a revision and the newest others of its provider cannot both be kept, whichever of the
    two shows the examples.

    A contract for another environment contradicts nothing here. Documents are read of those alone
    that are compared.
    """
    mine = canonical(revision, aliases)
    clashes: list[Contradiction] = []
    read = cache(_held)  # each is compiled once, whatever it is held against
    against = [
        other for other in listed(engine, newest=True) if _meet(mine, canonical(other, aliases))
    ]
    for other in whole(engine, against):
        try:
            clashes += between(read(revision), read(other))
        except ContractError:
            continue
    return clashes[:MOST]


def _held(revision: Revision) -> Held:
    """Raises ContractError for one that cannot be read any more."""
    read = read_revision(revision)
    return Held(revision.name, revision.format, read.document, read.promise)


def _meet(mine: Revision, theirs: Revision) -> bool:
    """Whether two contracts, under canonical names, bind one provider in one environment, and one
    may show what the other forbids.
    """
    if mine.provider != theirs.provider or len({mine.environment, theirs.environment} - {""}) > 1:
        return False
    if not (mine.binds and theirs.binds) or mine.name == theirs.name:
        return False
    return may_contradict(mine.format, theirs.format)


def promise_of(revision: Revision) -> Promise:
    """The promise of a published revision; the last few are kept, for a page asks for one several
    times. Raises ContractError.
    """
    return _promise(
        revision.format, revision.document, f"contract {revision.name} revision {revision.number}"
    )


@lru_cache(maxsize=16)
def _promise(kind: str, document: str, where: str) -> Promise:
    return read_contract(kind, document, where=where)


def read_revision(revision: Revision) -> Read:
    """A published revision's document and promise. Raises ContractError."""
    where = f"contract {revision.name} revision {revision.number}"
    return Read(document_of(revision.document, where=where), promise_of(revision))
