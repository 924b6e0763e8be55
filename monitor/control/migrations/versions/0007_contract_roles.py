"""What a published contract is for: held against its provider, or a mock whose
fidelity is judged.
"""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"


def upgrade() -> None:
    """Add the column; what was published so far is held against providers."""
    op.add_column("contract_revisions", sa.Column("role", sa.Text(), nullable=False, server_default="contract"))
