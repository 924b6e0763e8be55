"""/v1/gates: may a pipeline go on?"""

from collections.abc import Sequence
from typing import Annotated

from fastapi import APIRouter, Query, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from monitor.api.access import Gating, Opened, Reading
from monitor.api.faults import ERRORS, ApiError
from monitor.api.moments import Name, Since, moment
from monitor.api.paging import Paged
from monitor.api.parts import GateAnswer, Parts
from monitor.api.strict import ExactBody, StrictRoute
from monitor.api.told import ToldReason, ToldRule, told_reason, told_reasons, told_rules
from monitor.api.waiting import MOST_FOR_ONE, Question, Waiting
from monitor.config.policy import MOST_CHARACTERS, read_policy
from monitor.control.aliases import note_unmatched
from monitor.control.audit import AuditEntry, note
from monitor.control.gate_answers import KeptAnswer, count_answers, list_answers
from monitor.errors import ConfigError
from monitor.model.judging import Outcome
from monitor.model.policy import Override


class GateBody(ExactBody):
    """Which deploy a pipeline asks about."""

    service: str = Field(min_length=1, max_length=1000)
    version: str = Field(min_length=1, max_length=1000)
    environment: str | None = Field(default=None, max_length=1000)
    wait_seconds: float = Field(
        default=0.0,
        ge=0,
        le=3600,
        description="wait so long for a verdict that is not inconclusive",
    )
    policy: str = Field(
        default="",
        max_length=MOST_CHARACTERS,
        description="text of a policy file (YAML); beside the one that is set, if one is: then both apply, and the stricter answer counts",
    )


class GateReply(BaseModel):
    """exit_code: 0 pass, 1 fail, 2 inconclusive; 0 too under an `override`, which changes neither
    `outcome` nor `verdict`.

    `verdict` is what was judged, `outcome` what the policy makes of it by `rules`. `flips` counts
    how often the gate changed its mind on this unchanged code. Programs read the codes of
    `reasons`; `text` says it all for a terminal.
    """

    outcome: Outcome
    exit_code: int
    reasons: Sequence[ToldReason]
    settles: Sequence[ToldReason]
    findings: Sequence[str]
    verdict_id: str
    text: str
    verdict: Outcome
    rules: Sequence[ToldRule]
    criticality: ToldReason | None
    override: Override | None
    flips: int


def gates_router(waiting: Waiting) -> APIRouter:
    """The route over this app's one waiting room."""
    router = APIRouter(prefix="/v1", tags=["judging"], responses=ERRORS, route_class=StrictRoute)
    bound = f"At most {MOST_FOR_ONE} at once for one token, else 429."

    @router.post(
        "/gates",
        summary="Is this deploy good?",
        description=f"Judges on sealed windows, now or within `wait_seconds`. {bound}",
    )
    async def gate(caller: Gating, parts: Opened, body: GateBody, request: Request) -> GateReply:
        if body.policy:
            try:
                await run_in_threadpool(read_policy, body.policy)
            except ConfigError as error:
                raise ApiError(
                    422, str(error), "body.policy", "`seamwatch policy check FILE` says the same"
                ) from None
        question = Question(body.service, body.version, body.environment or None, body.policy)
        answer = await waiting.answer(
            question, body.wait_seconds, caller.name, request.is_disconnected
        )
        await run_in_threadpool(_note, parts, caller.name, question, answer)
        return GateReply(
            outcome=answer.outcome,
            exit_code=answer.exit_code,
            reasons=told_reasons(answer.reasons),
            settles=told_reasons(answer.settles),
            findings=answer.findings,
            verdict_id=answer.verdict_id,
            text=answer.text,
            verdict=answer.verdict,
            rules=told_rules(answer.rules),
            criticality=told_reason(answer.criticality) if answer.criticality else None,
            override=answer.override,
            flips=answer.flips,
        )

    @router.get("/gates", summary="What gates answered, each change of mind once, newest first")
    def answers(
        _caller: Reading,
        parts: Opened,
        paged: Paged,
        since: Since = None,
        deploy_id: Name = None,
        *,
        flips: Annotated[
            bool, Query(description="only changes of mind on code that stayed the same")
        ] = False,
    ) -> list[KeptAnswer]:
        start = moment(since, parts.clock())
        rows = list_answers(
            parts.engine,
            deploy_id=deploy_id,
            since=start,
            flips=flips,
            limit=paged.limit,
            offset=paged.offset,
        )
        paged.told(
            len(rows), count_answers(parts.engine, deploy_id=deploy_id, since=start, flips=flips)
        )
        return rows

    return router


def _note(parts: Parts, caller: str, question: Question, answer: GateAnswer) -> None:
    """Who asked, and what was said; a name that matches nothing is kept for whoever writes the
    aliases.
    """
    now = parts.clock()
    details = {"outcome": answer.outcome} | (
        {"override": answer.override.id} if answer.override else {}
    )
    note(
        parts.engine,
        AuditEntry(now, caller, "ask gate", f"{question.service} {question.version}", details),
    )
    if not answer.knows_service:
        note_unmatched(parts.engine, "service", [question.service], now, origin=caller)
