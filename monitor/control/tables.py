"""The tables of control state on one `metadata`; contract_tables.py adds the contract registry's
to it.
"""

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Table,
    UniqueConstraint,
)

from monitor.control.columns import Document, Name, UtcTime

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)

# SQLite counts up only an INTEGER PRIMARY KEY.
ROW_ID = BigInteger().with_variant(Integer, "sqlite")

migration_log = Table(
    "migration_log",
    metadata,
    Column("revision", Name, primary_key=True),
    Column("checksum", Name, nullable=False),
    Column("applied", UtcTime, nullable=False),
)

sequences = Table(
    "sequences",
    metadata,
    Column("name", Name, primary_key=True),
    Column("value", BigInteger, nullable=False),
)

leases = Table(
    "leases",
    metadata,
    Column("name", Name, primary_key=True),
    Column("holder", Name, nullable=False),
    Column("epoch", BigInteger, nullable=False),
    # seconds since 1970 by the database's clock
    Column("expires_seconds", Double, nullable=False),
)

deploys = Table(
    "deploys",
    metadata,
    Column("id", Name, primary_key=True),
    Column("kind", Name, nullable=False),
    Column("environment", Name, nullable=False),
    Column("service", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("previous_version", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("finished", UtcTime),
    Column("last_event", UtcTime, nullable=False),
    Column("first_traffic", UtcTime),
    Column("sources", Document, nullable=False),
    Column("actor", Name, nullable=False),
    Column("url", Name, nullable=False),
    Column("commit_sha", Name, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("namespace", Name),  # null: not told
    Column("ends", Name, nullable=False, server_default=""),
    Column("ended_by", Name, nullable=False, server_default=""),
    Column("planned_share", Double),
    Column("noted_traffic", UtcTime),  # as judging saw it; sightings are events
    Index(None, "environment", "service", "started"),
    Index(None, "started"),
)

deploy_events = Table(
    "deploy_events",
    metadata,
    Column("source", Name, primary_key=True),
    Column("external_id", Name, primary_key=True),
    Column("deploy_id", Name, ForeignKey("deploys.id"), nullable=False, index=True),
    Column("at", UtcTime, nullable=False),
    Column("received", UtcTime, nullable=False),
    Column("document", Document, nullable=False),
)

findings = Table(
    "findings",
    metadata,
    Column("id", Name, primary_key=True),
    Column("deploy_id", Name, nullable=False, index=True),
    Column("fingerprint", Name, nullable=False, index=True),
    Column("environment", Name, nullable=False),
    Column("state", Name, nullable=False),
    Column("first_seen", UtcTime, nullable=False),
    Column("last_seen", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Column("document", Document, nullable=False),
    Column("caller_namespace", Name, nullable=False, server_default=""),
    Column("caller", Name, nullable=False, server_default=""),
    Column("callee_namespace", Name, nullable=False, server_default=""),
    Column("callee", Name, nullable=False, server_default=""),
    Index(None, "state", "last_seen"),
)

acceptances = Table(
    "acceptances",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("finding_id", Name, nullable=False),
    Column("fingerprint", Name, nullable=False, index=True),
    Column("owner", Name, nullable=False),
    Column("reason", Name, nullable=False),
    Column("accepted", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False),
)

contract_breaks = Table(
    "contract_breaks",
    metadata,
    Column("id", Name, primary_key=True),
    Column("state", Name, nullable=False),  # new, again, gone
    Column("last_seen", UtcTime, nullable=False, index=True),
    Column("updated", UtcTime, nullable=False),
    Column("document", Document, nullable=False),
)

verdicts = Table(
    "verdicts",
    metadata,
    Column("number", ROW_ID, primary_key=True, autoincrement=True),
    Column("id", Name, nullable=False, unique=True),
    Column("deploy_id", Name, nullable=False, index=True),
    Column("environment", Name, nullable=False),
    Column("service", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("outcome", Name, nullable=False),
    Column("judged", UtcTime, nullable=False, index=True),
    Column("document", Document, nullable=False),
)

verdict_inputs = Table(
    "verdict_inputs",
    metadata,
    Column("verdict_id", Name, primary_key=True),
    Column("deploy_id", Name, nullable=False, index=True),
    Column("kept", UtcTime, nullable=False, index=True),
    Column("repeats", Boolean, nullable=False),
    Column("data", LargeBinary, nullable=False),
)

alerts = Table(
    "alerts",
    metadata,
    Column("key", Name, primary_key=True),
    Column("state", Name, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("started", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False, index=True),
    Column("document", Document, nullable=False),
)

outbox = Table(
    "outbox",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("receiver", Name, nullable=False),
    Column("alert_key", Name, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("repeat", Integer, nullable=False),
    Column("state", Name, nullable=False),  # due, sent, dead, suppressed
    Column("attempts", Integer, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("due", UtcTime, nullable=False),
    Column("settled", UtcTime),
    Column("epoch", BigInteger, nullable=False),
    Column("last_error", Name, nullable=False),
    Column("document", Document, nullable=False),
    UniqueConstraint("receiver", "alert_key", "revision", "repeat"),
    Index(None, "state", "due"),
)

deliveries = Table(
    "deliveries",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("outbox_id", BigInteger, nullable=False, index=True),
    Column("receiver", Name, nullable=False),
    Column("alert_key", Name, nullable=False),
    Column("revision", BigInteger, nullable=False),
    Column("state", Name, nullable=False),  # the alert's
    Column("at", UtcTime, nullable=False, index=True),
    Column("result", Name, nullable=False),  # delivered, busy, refused, dead, suppressed
    Column("detail", Name, nullable=False),
)

receivers = Table(
    "receivers",
    metadata,
    Column("name", Name, primary_key=True),
    Column("blocked_until", UtcTime, nullable=False),  # it asked for patience: 429 or Retry-After
)

silences = Table(
    "silences",
    metadata,
    Column("id", Name, primary_key=True),
    Column("matchers", Document, nullable=False),
    Column("author", Name, nullable=False),
    Column("reason", Name, nullable=False),
    Column("starts", UtcTime, nullable=False),
    Column("ends", UtcTime, nullable=False, index=True),
    Column("created", UtcTime, nullable=False),
)

overrides = Table(
    "overrides",
    metadata,
    Column("id", Name, primary_key=True),
    Column("deploy_id", Name, nullable=False, index=True),  # "": of a version of a service
    Column("service", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("environment", Name, nullable=False),  # "": any
    Column("person", Name, nullable=False),
    Column("reason", Name, nullable=False),
    Column("noted_by", Name, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False, index=True),
    Column("revoked", UtcTime),
    Column("revoked_by", Name, nullable=False),
    Index(None, "service", "version"),
)

gate_answers = Table(
    "gate_answers",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("environment", Name, nullable=False),
    Column("service", Name, nullable=False),
    Column("version", Name, nullable=False),
    Column("against_version", Name, nullable=False),
    Column("deploy_id", Name, nullable=False, index=True),
    Column("verdict_id", Name, nullable=False),
    Column("verdict", Name, nullable=False),  # before the policy
    Column("outcome", Name, nullable=False),  # after it
    Column("policy", Name, nullable=False),  # its mark
    Column("flip", Boolean, nullable=False),
    Index(None, "environment", "service", "version"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", Name, primary_key=True),
    Column("name", Name, nullable=False),
    Column("hash", Name, nullable=False, unique=True),
    Column("scopes", Document, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("created_by", Name, nullable=False),
    Column("expires", UtcTime),
    Column("last_used", UtcTime),
    Column("revoked", UtcTime),
)

sessions = Table(
    "sessions",
    metadata,
    Column("hash", Name, primary_key=True),
    Column("token_id", Name, nullable=False),  # of a token, or of the secret of one start
    Column("created", UtcTime, nullable=False),
    Column("expires", UtcTime, nullable=False, index=True),
)

audit = Table(
    "audit",
    metadata,
    Column("id", ROW_ID, primary_key=True, autoincrement=True),
    Column("at", UtcTime, nullable=False, index=True),
    Column("actor", Name, nullable=False),
    Column("action", Name, nullable=False),
    Column("target", Name, nullable=False),
    Column("details", Document, nullable=False),
)

aliases = Table(
    "aliases",
    metadata,
    Column("kind", Name, primary_key=True),  # service, version, environment
    Column("name", Name, primary_key=True),
    Column("canonical", Name, nullable=False),
    Column("state", Name, nullable=False),  # confirmed, suggested, rejected, unmatched
    Column("origin", Name, nullable=False),
    Column("seen", UtcTime, nullable=False),
)
