"""Fixtures of real parts, by module."""

pytest_plugins = [
    "tests.fixtures.gateway",
    "tests.fixtures.kafka",
    "tests.fixtures.store",
    "tests.fixtures.rig",
    "tests.fixtures.postgres",
    "tests.fixtures.control",
    "tests.fixtures.wire",
    "tests.fixtures.receiver",
    "tests.fixtures.shop_day",
    "tests.fixtures.api",
    "tests.fixtures.browser",
    "tests.fixtures.alertmanager",
]
