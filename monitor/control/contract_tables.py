"""The registry's two tables, on the control store's metadata: a contract, and its immutable
revisions.
"""

from sqlalchemy import BigInteger, Column, ForeignKey, Index, Integer, Table, Text

from monitor.control.columns import Name, UtcTime
from monitor.control.tables import metadata

contracts = Table(
    "contracts",
    metadata,
    Column("name", Name, primary_key=True),
    Column("provider", Name, nullable=False),
    # number of the newest revision: the row is the lock that numbers are drawn under
    Column("newest", Integer, nullable=False),
    Column("created", UtcTime, nullable=False),
    Column("updated", UtcTime, nullable=False),
    Index(None, "provider"),
)

contract_revisions = Table(
    "contract_revisions",
    metadata,
    Column("name", Name, ForeignKey("contracts.name"), primary_key=True),
    Column("number", Integer, primary_key=True),
    Column("format", Name, nullable=False),
    Column("provider", Name, nullable=False),
    Column("provider_version", Name, nullable=False),
    Column("consumer", Name, nullable=False),
    Column("environment", Name, nullable=False),
    Column("effective_from", UtcTime, nullable=False),
    Column("effective_to", UtcTime),
    Column("document", Text, nullable=False),
    Column("document_bytes", BigInteger, nullable=False),
    Column("content_hash", Name, nullable=False),
    Column("published", UtcTime, nullable=False),
    Column("published_by", Name, nullable=False),
    Column("role", Name, nullable=False, server_default="contract"),
    Column("owner", Name, nullable=False, server_default=""),
    Column("contact", Name, nullable=False, server_default=""),
)

awaited_revisions = Table(
    "awaited_revisions",
    metadata,
    Column("name", Name, primary_key=True),
    Column("environment", Name, primary_key=True),
    Column("version", Name, nullable=False),
    Column("asked", UtcTime, nullable=False),
    Column("asked_by", Name, nullable=False),
    # the whole draft as JSON: it is published when the version is deployed
    Column("draft", Text, nullable=False),
)
