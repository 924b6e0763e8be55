"""Whether two texts of one format say the same, however each is written."""

import json
from typing import Any

from monitor.contracts.read import document_of
from monitor.errors import ContractError

LISTED_UNDER = {
    "wiremock": "mappings",
    "spring-cloud-contract": "contracts",
    "mountebank": "imposters",
}
"""Formats of which a document may be one example alone, and the word under which it lists
several.
"""


def say_the_same(kind: str, before: str, now: str) -> bool:
    """Whether the documents are equal: layout, order of keys and YAML or JSON make no difference,
    nor does one example that stands alone instead of in a list. False for what cannot be read.
    """
    try:
        return _plain(kind, before) == _plain(kind, now)
    except (ContractError, ValueError, RecursionError):
        return False


def _plain(kind: str, text: str) -> str:
    """As text, since 1, 1.0 and true are equal else."""
    document = document_of(text, where="contract")
    word = LISTED_UNDER.get(kind, "")
    held: Any = document.get(word)
    if isinstance(held, list) and document.keys() == {word}:
        document = held[0] if len(held) == 1 and isinstance(held[0], dict) else document
    return json.dumps(document, sort_keys=True, default=repr)
