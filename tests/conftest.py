"""Fixtures of real parts, by module."""

pytest_plugins = ["tests.fixtures.store"]
