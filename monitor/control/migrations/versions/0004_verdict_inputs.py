"""What verdicts were reached from."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "verdict_inputs",
        sa.Column("verdict_id", sa.Text(), nullable=False),
        sa.Column("deploy_id", sa.Text(), nullable=False),
        sa.Column("kept", sa.DateTime(timezone=True), nullable=False),
        sa.Column("repeats", sa.Boolean(), nullable=False),
        sa.Column("data", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("verdict_id", name=op.f("pk_verdict_inputs")),
    )
    op.create_index(op.f("ix_verdict_inputs_deploy_id"), "verdict_inputs", ["deploy_id"], unique=False)
    op.create_index(op.f("ix_verdict_inputs_kept"), "verdict_inputs", ["kept"], unique=False)
