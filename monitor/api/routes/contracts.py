"""/v1/contracts: what providers promise, revision by revision."""

from dataclasses import asdict, replace
from datetime import datetime, timedelta
from typing import Annotated, Literal

from fastapi import APIRouter, BackgroundTasks, Query
from pydantic import BaseModel, Field

from monitor.api.access import Caller, Opened, Publishing, Reading
from monitor.api.faults import ERRORS, ApiError, not_found
from monitor.api.letting_go import let_go
from monitor.api.moments import Name, moment
from monitor.api.paging import Paged
from monitor.api.parts import Parts
from monitor.api.strict import ExactBody, StrictRoute
from monitor.contracts.alike import say_the_same
from monitor.contracts.change import Change
from monitor.contracts.contradictions import Contradiction
from monitor.contracts.read import Examined, completed, read_draft
from monitor.contracts.remarks import RemarkKind
from monitor.control import contracts as registry
from monitor.control.awaited import Awaited, await_deploy, awaited, forget_awaited
from monitor.joining.awaited import deployed_at
from monitor.joining.coverage import Covered, coverage, operations_covered
from monitor.joining.publishing import changed_since, contradicted, promise_of, recorded_for
from monitor.joining.recorded import Recorded
from monitor.joining.registry import canonical
from monitor.model.contracts import (
    KEPT,
    ContractDraft,
    ContractFormat,
    PublishedRole,
    Revision,
    Role,
)
from monitor.model.services import split_service

Days = Annotated[int, Query(ge=1, le=400, description="Look back so many days")]

_LARGE = 300_000  # characters

router = APIRouter(prefix="/v1", tags=["contracts"], responses=ERRORS, route_class=StrictRoute)


class ContractBody(ExactBody):
    """A revision to publish. Empty text means all: every version, consumer, environment."""

    name: str = Field(
        default="",
        max_length=200,
        description="By default of provider, format and, of a pact, consumer: the provider's for OpenAPI",
    )
    format: ContractFormat | None = Field(
        default=None, description="Told by the content by default"
    )
    provider: str = Field(default="", max_length=1000, description="A pact names it itself")
    document: str = Field(
        min_length=1,
        max_length=16_000_000,
        description="OpenAPI 3.x, JSON Schema, a pact, Spring Cloud Contract, WireMock or Mountebank, JSON or YAML, a GraphQL schema or a .proto, as text",
    )
    role: PublishedRole | None = Field(
        default=None,
        description="`mock`: it stands for the provider, and is not held against it; as before by default",
    )
    provider_version: str = Field(default="", max_length=1000)
    consumer: str | None = Field(
        default=None, max_length=1000, description="As before by default; empty: all"
    )
    environment: str | None = Field(
        default=None, max_length=1000, description="As before by default; empty: all"
    )
    owner: str | None = Field(
        default=None, max_length=200, description="The team it belongs to; as before by default"
    )
    contact: str | None = Field(
        default=None,
        max_length=200,
        description="How to reach that team; by default the document's info.contact, else as before",
    )
    effective_from: str | None = Field(
        default=None,
        max_length=64,
        description="ISO 8601; a first revision holds for all time without it",
    )
    effective_to: str | None = Field(default=None, max_length=64, description="ISO 8601")
    from_deploy: str = Field(
        default="",
        max_length=200,
        description="In force from the deploy of this version of the provider on, in `environment`; kept until that is told of or seen",
    )
    source: str = Field(
        default="",
        max_length=200,
        description="A folder or repository that it is from; see /v1/contracts/prune",
    )
    dry_run: bool = Field(
        default=False,
        description="Publish nothing: tell what would change, and which recorded exchanges would break",
    )


class ContractLine(BaseModel):
    """A revision without its document."""

    name: str
    number: int
    format: ContractFormat
    provider: str
    provider_version: str
    consumer: str
    environment: str
    effective_from: datetime
    effective_to: datetime | None
    content_hash: str
    published_at: datetime
    published_by: str
    role: Role
    owner: str
    contact: str


class RemarkLine(BaseModel):
    """A place of a contract's text that does not say what it seems to: it will not be judged, or
    not as written.
    """

    line: int
    pointer: str
    said: str
    kind: RemarkKind


class Judged(BaseModel):
    """What exchanges will be held against: operations, their parameters and headers, distinct
    schemas; or examples; or units, which are fields at the top of a GraphQL schema and methods of
    gRPC.

    `times` counts clauses on time, `unjudged` clauses that never will be, `examples` the
    document's own ones that were held against its schemas.
    """

    interactions: int
    messages: int
    units: int
    operations: int
    parameters: int
    schemas: int
    times: int
    examples: int
    unjudged: int
    remarks: list[RemarkLine]


class Published(ContractLine):
    """A revision with its document, what of it will be judged, and what it says otherwise than the
    one before.

    `outcome` tells whether it is new, says the same as the newest, would be published (`dry_run`),
    or `awaits` the deploy of `from_deploy`: then its number and times are those that it would have
    now. `kept` names what was taken over from the revision before. `changes` has no more
    than 1,000. `contradictions` tells where a pact and an OpenAPI document of one provider cannot
    both be kept, with both clauses. `recorded` comes with `dry_run` alone, and not for mocks.
    """

    document: str
    judged: Judged
    outcome: Literal["published", "unchanged", "would_publish", "awaits"]
    from_deploy: str
    kept: list[str]
    changes: list[Change]
    contradictions: list[Contradiction]
    recorded: Recorded | None


@router.get("/contracts", summary="Contracts, their newest revisions")
def list_contracts(
    _caller: Reading,
    parts: Opened,
    paged: Paged,
    provider: Name = None,
    *,
    every: Annotated[
        bool, Query(alias="all", description="every revision, not only the newest")
    ] = False,
) -> list[ContractLine]:
    """By name and number, without documents."""
    rows = registry.listed(parts.engine, newest=not every)
    return paged.of([line(revision) for revision in rows if provider in (None, revision.provider)])


@router.post("/contracts", summary="Publish a revision", status_code=201)
def publish(
    caller: Publishing, parts: Opened, body: ContractBody, after: BackgroundTasks
) -> Published:
    """The same content again is the same revision. Never reaches out to the network: a remote $ref
    is refused.

    So is what OpenAPI's own schema refuses, with its line. `judged` tells what exchanges will be
    held against. Consumer, environment, role and owner are those of the revision before unless
    others are named.
    """
    now = parts.clock()
    if len(body.document) > _LARGE:
        after.add_task(let_go)
    draft = completed(
        ContractDraft(
            body.name,
            body.format or "",
            body.provider,
            body.document,
            body.provider_version,
            body.consumer,
            body.environment,
            moment(body.effective_from, now),
            moment(body.effective_to, now),
            body.role,
            body.owner,
            body.contact,
        )
    )
    start = None
    if body.from_deploy:
        if body.effective_from:
            raise ApiError(
                422, "a time and a deploy", "from_deploy", "leave out one: it begins with either"
            )
        start = deployed_at(parts.engine, parts.config.aliases, draft, body.from_deploy, now)
        draft = replace(draft, effective_from=start)
    awaits = bool(body.from_deploy) and start is None
    read: list[Examined] = []
    done = (registry.plan if body.dry_run or awaits else registry.publish)(
        parts.engine,
        draft,
        now,
        read=lambda whole: read.append(read_draft(whole)),
        published_by=_publisher(caller, body.source),
        alike=say_the_same,
    )
    if awaits and not body.dry_run:
        # under the scope that it has now: what it is published with may be told otherwise by then
        held = {word: getattr(done.revision, word) for word in KEPT}
        by = _publisher(caller, body.source)
        await_deploy(parts.engine, replace(draft, **held), body.from_deploy, now, by=by)
    changed = [] if done.unchanged else changed_since(done.before, done.revision)
    return Published(
        **asdict(done.revision),
        judged=Judged.model_validate(read[0].told()),
        from_deploy=body.from_deploy,
        outcome="awaits"
        if awaits and not body.dry_run
        else "unchanged"
        if done.unchanged
        else "would_publish"
        if body.dry_run
        else "published",
        kept=list(done.kept),
        changes=changed,
        contradictions=contradicted(parts.engine, done.revision, parts.config.aliases),
        recorded=recorded_for(parts.reader, parts.config.aliases, done, changed, now)
        if body.dry_run and done.revision.role != "mock"  # it is held against nobody
        else None,
    )


class AwaitedLine(BaseModel):
    """A revision that was approved and awaits the deploy of `version` of its provider, in
    `environment` (empty: any).
    """

    name: str
    environment: str
    provider: str
    version: str
    asked: datetime
    asked_by: str


@router.get("/awaited", summary="Revisions that were approved from a deploy on")
def list_awaited(_caller: Reading, parts: Opened, paged: Paged) -> list[AwaitedLine]:
    """By contract and environment; each is published when somebody tells of its deploy, or spans
    show that version.
    """
    return paged.of([awaited_line(held) for held in awaited(parts.engine)])


def awaited_line(held: Awaited) -> AwaitedLine:
    """What waits, without its document."""
    return AwaitedLine(
        name=held.name,
        environment=held.environment,
        provider=held.provider,
        version=held.version,
        asked=held.asked,
        asked_by=held.asked_by,
    )


class Coverage(BaseModel):
    """What live exchanges showed of the newest revision's examples, in the document's order.
    `partial`: it is one of operations and does not claim to list all; calls of others are not
    judged.
    """

    contract: str
    revision: int
    days: int
    partial: bool
    interactions: list[Covered]


def _publisher(caller: Caller, source: str) -> str:
    """Who published, and from where: what one of these published, the same alone prunes."""
    return f"{caller.name} from {source}" if source else caller.name


class PruneBody(ExactBody):
    """The contracts that a source still holds, by name."""

    source: str = Field(
        min_length=1, max_length=200, description="As it was named when they were published"
    )
    keep: list[str] = Field(
        min_length=1,
        max_length=100_000,
        description="What the source still holds; nothing at all is refused",
    )
    dry_run: bool = Field(default=False, description="Withdraw nothing: tell what would be")


@router.post(
    "/contracts/prune", summary="Withdraw what a source published and does not hold any more"
)
def prune(caller: Publishing, parts: Opened, body: PruneBody) -> list[ContractLine]:
    """Only what the same caller published from the same source, and nobody else has published
    since. The withdrawn revisions; with `dry_run` those that would be.
    """
    now, by = parts.clock(), _publisher(caller, body.source)
    gone = registry.left_over(parts.engine, by, frozenset(body.keep))
    if not body.dry_run:
        ended = [
            registry.withdraw(
                parts.engine, revision.name, now, by=by, why=f"gone from {body.source}"
            )
            for revision in gone
        ]
        gone = [revision for revision in ended if revision is not None]
    return [line(revision) for revision in gone]


class WithdrawBody(ExactBody):
    """Why a contract is withdrawn, for the audit log."""

    reason: str = Field(default="", max_length=500)


@router.post(
    "/contracts/{name:path}/withdraw", summary="Say that a contract promises nothing any more"
)
def withdraw(caller: Publishing, parts: Opened, name: str, body: WithdrawBody) -> ContractLine:
    """From now on nothing is held against it; what was before stays, and what awaits a deploy is let
    go. Published again it holds
    again. 404 when there is no such contract.
    """
    revision = registry.withdraw(
        parts.engine, name, parts.clock(), by=caller.name, why=body.reason
    )
    forget_awaited(parts.engine, name)
    if revision is None:
        raise not_found("contract", name, "GET /v1/contracts lists them")
    return line(revision)


@router.get(
    "/contracts/{name:path}/coverage",
    summary="What live exchanges showed of a contract's examples or operations",
)
def contract_coverage(
    _caller: Reading,
    parts: Opened,
    name: str,
    days: Days = 30,
    environment: Name = None,
) -> Coverage:
    """Every example of the newest revision, in the document's order: last seen, by which version
    pair, how often, kept or broken; of a contract of operations each of these, whether or not its
    calls were checked (`open`: they were not).

    404 when there is no such contract; 422 for one that tells neither.
    """
    revision = revision_of(parts, name, None)
    interactions = covered(parts, revision, days, environment or "")
    if interactions is None:
        raise ApiError(
            422,
            "the contract has no operations and shows no examples",
            name[:80],
            "seamwatch contracts timing tells of times",
        )
    promise = promise_of(revision)
    return Coverage(
        contract=revision.name,
        revision=revision.number,
        days=days,
        partial=not (promise.whole or promise.by_example),
        interactions=interactions,
    )


def covered(
    parts: Parts, revision: Revision, days: int, environment: str = ""
) -> list[Covered] | None:
    """What was seen of a revision's examples or operations in so many days; None when it has
    neither.
    """
    now = parts.clock()
    promise = promise_of(revision)
    since, until = now - timedelta(days=days), now + timedelta(days=1)
    if not promise.by_example:
        if not promise.operations:
            return None
        provider = canonical(revision, parts.config.aliases).provider
        names = sorted({provider, split_service(provider)[0]})
        return operations_covered(
            promise,
            parts.reader.operations_called(names, since, until, environment),
            parts.reader.operations_broken(revision.name, names, since, until),
        )
    rows = parts.reader.interactions(revision.name, since, until, environment)
    return coverage(promise, rows)


class Contradicted(BaseModel):
    """Where the newest revision of a contract and others of its provider cannot both be kept, at
    most 100.
    """

    contract: str
    revision: int
    contradictions: list[Contradiction]


@router.get(
    "/contracts/{name:path}/contradictions",
    summary="Where a contract and another of its provider cannot both be kept",
)
def contract_contradictions(_caller: Reading, parts: Opened, name: str) -> Contradicted:
    """Of the newest revisions: what a pact expects and the provider's OpenAPI document forbids,
    with both clauses, at most 100; 404 when there is no such contract.
    """
    held = revision_of(parts, name, None)
    return Contradicted(
        contract=held.name, revision=held.number, contradictions=contradictions_of(parts, held)
    )


def contradictions_of(parts: Parts, revision: Revision) -> list[Contradiction]:
    """With the newest other contracts of its provider."""
    return contradicted(parts.engine, revision, parts.config.aliases)


@router.get("/contracts/{name:path}", summary="One revision with its document")
def one_contract(
    _caller: Reading,
    parts: Opened,
    name: str,
    revision: Annotated[int | None, Query(ge=1, le=1_000_000_000)] = None,
) -> Revision:
    """The newest revision unless one is named; 404 when there is none."""
    return revision_of(parts, name, revision)


def revision_of(parts: Parts, name: str, number: int | None) -> Revision:
    """The revision; ApiError 404."""
    revision = registry.revision(parts.engine, name, number)
    if revision is None:
        raise not_found(
            "contract" if number is None else f"revision {number} of contract",
            name,
            "GET /v1/contracts lists them",
        )
    return revision


def line(revision: Revision) -> ContractLine:
    """The revision without its document."""
    return ContractLine.model_validate(
        {name: value for name, value in asdict(revision).items() if name != "document"}
    )
