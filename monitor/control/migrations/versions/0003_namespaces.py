"""Deploys have a namespace of their own; findings can be asked for by the services of
their edge.
"""

import json

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the columns and fill them from what was kept: `shop/pay` was told as one word."""
    op.add_column("deploys", sa.Column("namespace", sa.Text(), nullable=True))
    ends = ("caller_namespace", "caller", "callee_namespace", "callee")
    for name in ends:
        op.add_column("findings", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    connection = op.get_bind()
    deploys = sa.table("deploys", *(sa.column(name, sa.Text()) for name in ("id", "service", "namespace")))
    for row in connection.execute(sa.select(deploys.c.id, deploys.c.service).where(deploys.c.service.contains("/"))).all():
        namespace, _, service = row.service.partition("/")
        if service:
            connection.execute(deploys.update().where(deploys.c.id == row.id).values(namespace=namespace, service=service))
    findings = sa.table("findings", *(sa.column(name, sa.Text()) for name in ("id", "document", *ends)))
    for row in connection.execute(sa.select(findings.c.id, findings.c.document)).all():
        edge = json.loads(row.document)["edge"]
        namespaces = {name: edge.get(name, "") for name in ends}
        connection.execute(findings.update().where(findings.c.id == row.id).values(**namespaces))
