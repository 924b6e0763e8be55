"""Fixtures of real parts, by module; and no property is timed, so that none fails on a busy
machine.
"""

import os

from hypothesis import HealthCheck, settings

settings.register_profile(
    "seamwatch",
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
    derandomize=os.environ.get("CI") == "true",
)
settings.load_profile("seamwatch")

pytest_plugins = [
    "tests.fixtures.workers",
    "tests.fixtures.gateway",
    "tests.fixtures.kafka",
    "tests.fixtures.store",
    "tests.fixtures.spread",
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
