"""Budgets: how large a contract may be, and how much of a payload is looked at."""

from collections.abc import Iterable
from dataclasses import dataclass

from monitor.errors import ContractError


@dataclass(frozen=True, slots=True)
class ContractLimits:
    """What a contract may cost, refused at publishing. Counts are after YAML aliases are expanded.

    `work` bounds how many schemas may apply to one value (each `allOf`, `anyOf`, `$ref` counts;
    the sum over a hostile chain doubles at each step), so that one check cannot hang.
    """

    text_bytes: int = 16_000_000
    nodes: int = 1_000_000
    depth: int = 200
    schemas: int = 200_000
    operations: int = 10_000
    pattern_chars: int = 4_096
    patterns: int = 5_000
    work: int = 200_000
    regex_backtracks: int = 100_000
    regex_bytes: int = 2_000_000


@dataclass(frozen=True, slots=True)
class PayloadLimits:
    """What of one exchange is checked; larger or deeper bodies are "not checked", with that
    reason.

    `work` is how many applications of schemas one body may ask for, some 50 ns each. To name the
    clauses that a body breaks takes 4 us each: over `told` the body breaks its schema, and no more
    is said.
    """

    body_bytes: int = 1_000_000
    depth: int = 128
    violations: int = 20
    work: int = 10_000_000
    told: int = 500_000


REFRESH_SECONDS = 10.0
"""So long a publication may take until it is in use everywhere."""

CONTRACT_LIMITS = ContractLimits()
PAYLOAD_LIMITS = PayloadLimits()


def check_words(words: Iterable[str], most: int, deepest: int, where: str, instead: str) -> None:
    """Raise ContractError for a text of more words and signs, or one that nests deeper, before a
    slow parser has it.

    `instead` says what it is and, after its `{most}`, what to publish in its place.
    """
    depth = 0
    for count, word in enumerate(words):
        depth += 1 if word in "{[(" else -1 if word in "}])" else 0
        if count >= most:
            raise ContractError(f"{where}: {instead.format(most=most)}")
        if depth > deepest:
            raise ContractError(f"{where}: nested deeper than {deepest} levels")
