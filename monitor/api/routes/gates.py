"""/v1/gates: may a pipeline go on?"""

from collections.abc import Sequence

from fastapi import APIRouter, Request
from pydantic import BaseModel, Field
from starlette.concurrency import run_in_threadpool

from monitor.api.access import Gating, Opened
from monitor.api.faults import ERRORS
from monitor.api.parts import GateAnswer, Parts
from monitor.api.strict import ExactBody, StrictRoute
from monitor.api.told import ToldReason, told_reasons
from monitor.api.waiting import MOST_FOR_ONE, Question, Waiting
from monitor.control.aliases import note_unmatched
from monitor.control.audit import AuditEntry, note
from monitor.model.judging import Outcome


class GateBody(ExactBody):
    """Which deploy a pipeline asks about."""

    service: str = Field(min_length=1, max_length=1000)
    version: str = Field(min_length=1, max_length=1000)
    environment: str | None = Field(default=None, max_length=1000)
    wait_seconds: float = Field(default=0.0, ge=0, le=3600, description="wait so long for a verdict that is not inconclusive")


class GateReply(BaseModel):
    """exit_code: 0 pass, 1 fail, 2 inconclusive. Programs read the codes of `reasons`; `text` says it all for a terminal."""

    outcome: Outcome
    exit_code: int
    reasons: Sequence[ToldReason]
    settles: Sequence[ToldReason]
    findings: Sequence[str]
    verdict_id: str
    text: str


def gates_router(waiting: Waiting) -> APIRouter:
    """The route over this app's one waiting room."""
    router = APIRouter(prefix="/v1", tags=["judging"], responses=ERRORS, route_class=StrictRoute)
    bound = f"At most {MOST_FOR_ONE} at once for one token, else 429."

    @router.post(
        "/gates", summary="Is this deploy good?", description=f"Judges on sealed windows, now or within `wait_seconds`. {bound}"
    )
    async def gate(caller: Gating, parts: Opened, body: GateBody, request: Request) -> GateReply:
        question = Question(body.service, body.version, body.environment or None)
        answer = await waiting.answer(question, body.wait_seconds, caller.name, request.is_disconnected)
        await run_in_threadpool(_note, parts, caller.name, question, answer)
        return GateReply(
            outcome=answer.outcome,
            exit_code=answer.exit_code,
            reasons=told_reasons(answer.reasons),
            settles=told_reasons(answer.settles),
            findings=answer.findings,
            verdict_id=answer.verdict_id,
            text=answer.text,
        )

    return router


def _note(parts: Parts, caller: str, question: Question, answer: GateAnswer) -> None:
    """Who asked, and what was said; a name that matches nothing is kept for whoever writes the aliases."""
    now = parts.clock()
    note(parts.engine, AuditEntry(now, caller, "ask gate", f"{question.service} {question.version}", {"outcome": answer.outcome}))
    if not answer.knows_service:
        note_unmatched(parts.engine, "service", [question.service], now, origin=caller)
