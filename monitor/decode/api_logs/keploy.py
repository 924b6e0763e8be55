"""Keploy's test cases and mocks as it writes them: YAML, a document each, all values read as text.
https://keploy.io/docs
"""

from collections.abc import Iterator
from typing import Any

import yaml

from monitor.decode.api_logs.fields import Refused

_DEEPEST = 40
_MOST_EVENTS = 200_000


def keploy_documents(text: str) -> Iterator[Any]:
    """Each document of a text. Raises Refused for what is no YAML ("bad_yaml"), nests deeper or
    holds more than any file of test cases does, or has aliases.
    """
    loader = yaml.CBaseLoader(text)
    depth = count = 0
    try:
        # needs no stack: the binding builds nodes by recursion in C, and a deep text ends the
        # process
        while loader.check_event():
            event = loader.get_event()
            count += 1
            depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(
                event, yaml.CollectionEndEvent
            )
            if depth > _DEEPEST or count > _MOST_EVENTS or isinstance(event, yaml.AliasEvent):
                raise Refused("bad_yaml")
        yield from yaml.load_all(text, yaml.CBaseLoader)
    except yaml.YAMLError:
        raise Refused("bad_yaml") from None
    finally:
        loader.dispose()
