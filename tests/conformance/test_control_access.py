"""Tokens, audit, aliases, silences and the schema itself, over SQLite and PostgreSQL alike."""

from datetime import UTC, datetime, timedelta

import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Engine, text

from monitor.control import aliases, contract_tables, silences, tokens
from monitor.control.audit import AuditEntry, list_audit, note
from monitor.control.store import open_control, reading
from monitor.control.tables import metadata
from monitor.edges.aliases import Aliases
from monitor.errors import ConfigError, StoreUnavailable, UsageError
from monitor.joining.names import joined

NOON = datetime(2026, 3, 1, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def test_migrations_make_exactly_the_tables_that_the_program_knows(control_engine: Engine) -> None:
    """When this fails: write a migration for the changed table (and never change a
    released one).
    """
    assert contract_tables.contracts.metadata is metadata
    with reading(control_engine) as connection:
        assert compare_metadata(MigrationContext.configure(connection), metadata) == []


@pytest.mark.parametrize(
    "dsn", ["mysql://u:hush@h/db", "sqlite://", "sqlite:///:memory:", "nonsense", ""]
)
def test_a_dsn_of_another_kind_is_refused_with_what_to_set(dsn: str) -> None:
    with pytest.raises(ConfigError, match="SEAMWATCH_CONTROL_DSN") as refused:
        open_control(dsn)
    assert "hush" not in str(refused.value)


def test_a_server_that_does_not_answer_is_named_without_its_password() -> None:
    with pytest.raises(StoreUnavailable, match=r"127\.0\.0\.1:9/") as refused:
        open_control("postgresql://kim:hush@127.0.0.1:9/control")
    assert "hush" not in str(refused.value)


def test_a_token_is_verified_by_its_secret_which_is_kept_nowhere(control_engine: Engine) -> None:
    token, secret = tokens.create_token(
        control_engine, "ci", ["gate", "read"], NOON, created_by="kim"
    )
    assert secret.startswith("swt_")
    verified = tokens.verify_token(control_engine, secret, NOON)
    assert verified is not None
    assert (verified.id, verified.scopes) == (token.id, ("gate", "read"))
    assert "gate" in verified.scopes
    assert "admin" not in verified.scopes
    with reading(control_engine) as connection:
        kept = repr(connection.execute(text("SELECT * FROM tokens")).all())
    assert secret not in kept
    assert secret not in repr(token)


@pytest.mark.parametrize(
    "guess", ["", "swt_", "swt_wrong", "Bearer x", "swt_\x00", "swt_\ud800", "' OR 1=1 --"]
)
def test_a_guess_is_nobody(control_engine: Engine, guess: str) -> None:
    tokens.create_token(control_engine, "ci", ["read"], NOON)
    assert tokens.verify_token(control_engine, guess, NOON) is None


def test_a_token_ends_when_it_expires_or_is_revoked(control_engine: Engine) -> None:
    token, secret = tokens.create_token(control_engine, "ci", ["read"], NOON, expires=NOON + HOUR)
    assert tokens.verify_token(control_engine, secret, NOON + HOUR) is None
    assert tokens.verify_token(control_engine, secret, NOON) is not None
    assert tokens.revoke_token(control_engine, token.id, NOON)
    assert not tokens.revoke_token(control_engine, token.id, NOON)
    assert tokens.verify_token(control_engine, secret, NOON) is None
    assert tokens.list_tokens(control_engine)[0].revoked == NOON


def test_the_last_use_of_a_token_is_noted_once_a_minute(control_engine: Engine) -> None:
    _, secret = tokens.create_token(control_engine, "ci", ["read"], NOON)
    for after in (0, 30, 59, 90):
        tokens.verify_token(control_engine, secret, NOON + timedelta(seconds=after))
    assert tokens.list_tokens(control_engine)[0].last_used == NOON + timedelta(seconds=90)


@pytest.mark.parametrize("scopes", [[], ["everything"], ["read", "write"]])
def test_unknown_scopes_are_refused(control_engine: Engine, scopes: list[str]) -> None:
    with pytest.raises(UsageError, match="contracts:write"):
        tokens.create_token(control_engine, "ci", scopes, NOON)


def test_the_audit_log_only_grows_and_shows_the_newest_first(control_engine: Engine) -> None:
    for hour, action in enumerate(("create token", "accept finding")):
        note(
            control_engine,
            AuditEntry(NOON + hour * HOUR, "kim", action, "x", {"reason": "known\x00"}),
        )
    entries = list_audit(control_engine)
    assert [entry.action for entry in entries] == ["accept finding", "create token"]
    assert [entry.action for entry in list_audit(control_engine, since=NOON + HOUR)] == [
        "accept finding"
    ]
    assert entries[0].at == NOON + HOUR


def test_only_confirmed_aliases_apply(control_engine: Engine) -> None:
    aliases.set_alias(control_engine, "environment", "prod", "production", NOON)
    aliases.suggest_alias(control_engine, "service", "shop-web", "frontend", NOON, origin="argo")
    rules = joined(Aliases(environments={}), control_engine)
    assert rules.environment("prod") == "production"
    assert rules.service("prod") == "prod"
    assert rules.service("shop-web") == "shop-web"
    assert aliases.decide_alias(control_engine, "service", "shop-web", confirm=True)
    assert joined(Aliases(), control_engine).service("shop-web") == "frontend"


def test_what_a_person_decided_is_not_suggested_again(control_engine: Engine) -> None:
    aliases.suggest_alias(control_engine, "service", "web", "frontend", NOON, origin="argo")
    assert aliases.decide_alias(control_engine, "service", "web", confirm=False)
    aliases.suggest_alias(control_engine, "service", "web", "frontend", NOON + HOUR, origin="argo")
    aliases.note_unmatched(control_engine, "service", ["web"], NOON + HOUR, origin="pact")
    assert [alias.state for alias in aliases.list_aliases(control_engine)] == ["rejected"]
    aliases.set_alias(control_engine, "service", "web", "frontend", NOON + HOUR)
    assert [alias.state for alias in aliases.list_aliases(control_engine)] == ["confirmed"]


def test_names_that_match_nothing_are_listed_until_they_do(control_engine: Engine) -> None:
    aliases.note_unmatched(control_engine, "service", ["b", "a", "a"], NOON, origin="pact")
    assert [alias.name for alias in aliases.list_aliases(control_engine, state="unmatched")] == [
        "a",
        "b",
    ]
    aliases.suggest_alias(control_engine, "service", "a", "alpha", NOON, origin="sightings")
    assert [
        alias.name
        for alias in aliases.list_aliases(control_engine, kind="service", state="unmatched")
    ] == ["b"]


def test_a_silence_has_an_end_an_author_and_a_reason(control_engine: Engine) -> None:
    made = silences.create_silence(
        control_engine, {"service": "payment"}, "kim", "planned", NOON + HOUR, NOON
    )
    assert silences.list_silences(control_engine, NOON) == [made]
    assert silences.list_silences(control_engine, NOON + HOUR) == []
    assert silences.end_silence(control_engine, made.id, NOON + HOUR / 2)
    assert silences.list_silences(control_engine, NOON + HOUR / 2) == []
    assert not silences.end_silence(control_engine, made.id, NOON + HOUR)
    assert len(silences.list_silences(control_engine)) == 1


@pytest.mark.parametrize(
    ("matchers", "author", "reason", "ends"),
    [
        ({}, "kim", "r", HOUR),
        ({"a": "b"}, " ", "r", HOUR),
        ({"a": "b"}, "kim", "", HOUR),
        ({"a": "b"}, "kim", "r", -HOUR),
    ],
)
def test_a_silence_that_quiets_everything_or_nothing_is_refused(
    control_engine: Engine, matchers: dict[str, str], author: str, reason: str, ends: timedelta
) -> None:
    with pytest.raises(UsageError):
        silences.create_silence(control_engine, matchers, author, reason, NOON + ends, NOON)
