"""Migrations of the control store, run by Alembic when it is opened."""
