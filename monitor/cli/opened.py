"""Opened parts for commands that have no running `seamwatch up` to talk to."""

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from monitor.api.parts import Parts
    from monitor.config import Settings


@contextmanager
def opened(settings: "Settings") -> "Iterator[Parts]":
    """The same parts as `seamwatch up` has; closed at the end. StoreError when another process
    holds the embedded store.
    """
    from monitor.cli.api_parts import api_parts
    from monitor.cli.assembly import house

    with house(settings, guest=True) as whole:
        parts = api_parts(whole, secrets.token_urlsafe())

        # then nothing runs that could change the gate's answer
        embedded = settings.clickhouse().startswith("chdb:")
        waits = 0.0 if embedded else parts.config.longest_wait_seconds
        alone = replace(
            parts.config,
            host="127.0.0.1",
            requests_per_second=1e9,
            burst=10**9,
            longest_wait_seconds=waits,
        )
        yield replace(parts, config=alone)
