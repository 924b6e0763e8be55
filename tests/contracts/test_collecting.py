"""A large document is read without collections: they look at its nodes again and again and free
none.
"""

import gc
import json
from collections.abc import Iterator
from typing import Any

import pytest

from monitor.contracts.read import examine, read_contract
from monitor.contracts.text import parse
from monitor.errors import ContractError

YAML = "a: {}\nb:\n" + "".join(
    f"  - {{name: n{number}, held: [1, 2, {{deep: yes}}]}}\n" for number in range(5_000)
)


@pytest.fixture
def collections() -> Iterator[list[int]]:
    """The generations that were collected meanwhile."""
    seen: list[int] = []

    def note(phase: str, details: dict[str, Any]) -> None:
        if phase == "start":
            seen.append(details["generation"])

    gc.collect()
    gc.callbacks.append(note)
    yield seen
    gc.callbacks.remove(note)


@pytest.mark.parametrize(
    "text",
    [YAML, json.dumps({"a": [{"b": [number]} for number in range(20_000)]})],
    ids=["YAML", "JSON"],
)
def test_a_large_document_is_parsed_without_collections(text: str, collections: list[int]) -> None:
    assert parse(text, where="contract")
    assert len(collections) <= 1  # one may be due when all is read


def test_a_contract_is_read_and_examined_without_collections(collections: list[int]) -> None:
    schemas = {
        f"S{number}": {"type": "object", "properties": {"a": {"type": "string"}}}
        for number in range(3_000)
    }
    document = {
        "openapi": "3.0.3",
        "info": {"title": "x", "version": "1"},
        "paths": {},
        "components": {"schemas": schemas},
    }
    text = json.dumps(document)
    collections.clear()
    read_contract("openapi", text, where="contract")
    examine("openapi", text, where="contract")
    assert len(collections) <= 2


def test_collecting_goes_on_afterwards_also_after_an_error() -> None:
    with pytest.raises(ContractError):
        parse("a: [", where="contract")
    assert gc.isenabled()
    assert parse("a: 1", where="contract") == {"a": 1}
    assert gc.isenabled()


def test_who_collects_nothing_still_does_not_afterwards() -> None:
    gc.disable()
    try:
        parse("a: 1", where="contract")
        assert not gc.isenabled()
    finally:
        gc.enable()
