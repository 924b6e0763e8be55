"""Runs the migrations on the connection that `open_control` hands over, inside its transaction."""

from importlib.util import find_spec

from alembic import context

from monitor.control.tables import metadata

if find_spec("monitor.control.contract_tables"):
    import monitor.control.contract_tables  # noqa: F401 - puts the contract registry's tables on `metadata`

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
context.run_migrations()
