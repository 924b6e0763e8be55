"""Which deploy a rollback ended, the share told last, and first traffic as judging noted it."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"


def upgrade() -> None:
    """Add the columns. What was known of first traffic counts as noted."""
    for name in ("ends", "ended_by"):
        op.add_column("deploys", sa.Column(name, sa.Text(), nullable=False, server_default=""))
    op.add_column("deploys", sa.Column("planned_share", sa.Double(), nullable=True))
    op.add_column("deploys", sa.Column("noted_traffic", sa.DateTime(timezone=True), nullable=True))
    op.execute(sa.text("UPDATE deploys SET noted_traffic = first_traffic"))
