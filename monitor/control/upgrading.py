"""The control store's tables brought up to date, by Alembic."""

from pathlib import Path

import alembic.command
from alembic.config import Config
from sqlalchemy import Connection


def upgrade(connection: Connection, folder: Path) -> None:
    """Apply the migrations of this folder that the store lacks, in the transaction of this
    connection. Alembic keeps its context in module globals: one thread at a time.
    """
    config = Config()
    config.set_main_option("script_location", str(folder).replace("%", "%%"))
    config.attributes["connection"] = connection
    alembic.command.upgrade(config, "head")
