"""The registry's promises, over SQLite and PostgreSQL alike."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Literal

import pytest
from sqlalchemy import Engine, event

from monitor.contracts.read import read_draft
from monitor.control.audit import list_audit
from monitor.control.contracts import (
    ALWAYS,
    listed,
    plan,
    publish,
    revision,
    stamp,
    whole,
    withdraw,
)
from monitor.errors import ContractError
from monitor.model.contracts import ContractDraft, Revision
from tests.fixtures.held_contracts import revisions

NOW = datetime(2026, 11, 21, 9, 0, tzinfo=UTC)
DRAFT = ContractDraft("payments", "openapi", "payment", "openapi: 3.0.0\npaths: {}")
CHANGED = replace(DRAFT, document="openapi: 3.1.0\npaths: {}")


def put(engine: Engine, draft: ContractDraft, now: datetime = NOW) -> Revision:
    return publish(engine, draft, now, read=read_draft, published_by="ci").revision


def test_a_first_revision_holds_for_all_time_and_a_later_one_from_now_on(
    control_engine: Engine,
) -> None:
    first, second = put(control_engine, DRAFT), put(control_engine, CHANGED)
    assert (first.number, first.effective_from, first.published_by) == (1, ALWAYS, "ci")
    assert (second.number, second.effective_from) == (2, NOW)
    assert revisions(control_engine) == [first, second]
    assert revision(control_engine, "payments") == second
    assert revision(control_engine, "payments", 1) == first
    assert revision(control_engine, "nothing") is None


def test_the_same_content_again_is_the_same_revision(control_engine: Engine) -> None:
    first = put(control_engine, DRAFT)
    before = stamp(control_engine)
    assert put(control_engine, DRAFT, NOW + timedelta(days=1)) == first
    assert stamp(control_engine) == before
    put(control_engine, CHANGED)
    assert stamp(control_engine) != before
    assert put(control_engine, DRAFT).number == 3  # back to what once was is news


@pytest.mark.parametrize(
    "changes",
    [
        {"environment": "staging"},
        {"consumer": "web"},
        {"provider_version": "2"},
        {"effective_from": NOW},
    ],
)
def test_another_scope_or_time_is_another_revision(
    control_engine: Engine, changes: dict[str, object]
) -> None:
    put(control_engine, DRAFT)
    assert put(control_engine, replace(DRAFT, **changes)).number == 2  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"document": "openapi: 2"}, "OpenAPI 3.0, 3.1 and 3.2"),
        ({"format": "wsdl"}, "format"),
        ({"name": " "}, "name"),
        ({"provider": ""}, "provider"),
        ({"effective_from": datetime(2026, 1, 1)}, "time zone"),  # noqa: DTZ001 - the fault to refuse
        ({"effective_to": ALWAYS}, "before it begins"),
    ],
)
def test_what_cannot_be_used_is_refused_and_leaves_nothing(
    control_engine: Engine, changes: dict[str, object], why: str
) -> None:
    with pytest.raises(ContractError, match=why):
        put(control_engine, replace(DRAFT, **changes))  # type: ignore[arg-type]
    assert revisions(control_engine) == []
    assert put(control_engine, DRAFT).number == 1


def test_a_name_stays_with_its_provider(control_engine: Engine) -> None:
    put(control_engine, DRAFT)
    with pytest.raises(ContractError, match="belongs to provider payment"):
        put(control_engine, replace(DRAFT, provider="other"))


def test_publishers_at_the_same_time_get_numbers_of_their_own(control_engine: Engine) -> None:
    drafts = [replace(DRAFT, document=f"openapi: 3.0.{n}\npaths: {{}}") for n in range(8)]
    with ThreadPoolExecutor(4) as pool:
        numbers = [
            made.number for made in pool.map(lambda draft: put(control_engine, draft), drafts)
        ]
    assert sorted(numbers) == list(range(1, 9))


def test_a_publication_is_in_the_audit(control_engine: Engine) -> None:
    put(control_engine, DRAFT)
    entry = list_audit(control_engine)[0]
    assert (entry.actor, entry.action, entry.target, entry.details["revision"]) == (
        "ci",
        "publish contract",
        "payments",
        "1",
    )


def test_a_list_of_revisions_reads_no_document_and_each_is_read_when_it_is_asked_for(
    control_engine: Engine,
) -> None:
    put(control_engine, DRAFT)
    newest, other = put(control_engine, CHANGED), put(control_engine, replace(DRAFT, name="other"))
    asked: list[str] = []
    event.listen(
        control_engine, "before_cursor_execute", lambda *arguments: asked.append(arguments[2])
    )
    entries = listed(control_engine, newest=True)
    assert entries == [replace(entry, document="") for entry in (other, newest)]
    assert [(entry.name, entry.number) for entry in listed(control_engine, name="payments")] == [
        ("payments", 1),
        ("payments", 2),
    ]
    assert not any("contract_revisions.document," in statement for statement in asked)
    asked.clear()
    documents = whole(control_engine, entries)
    assert next(documents) == other
    assert len([statement for statement in asked if "contract_revisions" in statement]) == 1
    assert list(documents) == [newest]


@pytest.mark.parametrize("role", ["mock", None])
def test_what_was_withdrawn_is_what_it_was_when_it_is_published_again(
    control_engine: Engine, role: Literal["mock"] | None
) -> None:
    first = put(control_engine, replace(DRAFT, role=role, owner="pay"))
    for _ in range(2):
        ended = withdraw(control_engine, "payments", NOW + timedelta(hours=1), by="ann")
        assert ended is not None
        assert (ended.number, ended.role, ended.binds) == (2, "withdrawn", False)
    again = plan(control_engine, DRAFT, NOW + timedelta(hours=2), read=read_draft).revision
    assert put(control_engine, DRAFT, NOW + timedelta(hours=2)) == replace(
        again, published_by="ci"
    )
    assert (again.number, again.role, again.owner) == (3, first.role, "pay")
    assert withdraw(control_engine, "nothing", NOW, by="ann") is None
