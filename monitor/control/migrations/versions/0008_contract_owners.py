"""Whose a contract is: the team that owns it, and how to reach it."""

import sqlalchemy as sa
from alembic import op

revision = "0008"
down_revision = "0007"


def upgrade() -> None:
    """Add the columns; of what was published so far nobody told an owner."""
    for name in ("owner", "contact"):
        op.add_column("contract_revisions", sa.Column(name, sa.Text(), nullable=False, server_default=""))
