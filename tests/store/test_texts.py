"""What statements share stands once, and each variant of a statement is what it was: a changed one
changes its snapshot.
"""

import re
from hashlib import sha256
from importlib.resources import files
from itertools import combinations
from pathlib import Path

import pytest
from jinja2 import UndefinedError

from monitor.store.texts import WORDS, statement

STATEMENTS = files("monitor.store") / "statements"
SNAPSHOTS = Path(__file__).with_name("variants.txt")
TEMPLATES = (
    "at_hand",
    "counterpart_windows",
    "far_halves",
    "inner_kin",
    "message_ends_at_hand",
    "part_at_hand",
    "shard_windows",
    "window_states",
)


def variants() -> dict[str, str]:
    """The text of each variant of each statement that has several, by its name and words."""
    texts = {}
    for name in TEMPLATES:
        read = {
            word for text in sources(name) for word in re.findall(r"{% if (?:not )?(\w+) %}", text)
        }
        for size in range(len(read) + 1):
            for words in combinations(sorted(read), size):
                texts[" ".join((name, *words))] = statement(name, frozenset(words))
    return texts


def sources(name: str) -> list[str]:
    """A statement's file and those of the parts in it."""
    text = (STATEMENTS / f"{name}.sql").read_text(encoding="utf-8")
    return [
        text,
        *(
            part
            for inner in re.findall(r'{% include "(parts/\w+)\.sql" %}', text)
            for part in sources(inner)
        ),
    ]


def test_each_variant_is_the_one_of_the_snapshot() -> None:
    """After a wanted change: python -m tests.store.test_texts"""
    shown = "".join(
        f"{sha256(text.encode()).hexdigest()[:16]}  {name}\n" for name, text in variants().items()
    )
    assert SNAPSHOTS.read_text(encoding="utf-8") == shown


def test_every_statement_with_a_choice_has_its_variants_held() -> None:
    chosen = {
        path.name.removesuffix(".sql")
        for path in STATEMENTS.iterdir()
        if path.name.endswith(".sql")
        and any("{% if" in text for text in sources(path.name.removesuffix(".sql")))
    }
    assert chosen == set(TEMPLATES)
    assert not any("{%" in text or "\n\n" in text for text in variants().values())


def test_a_word_that_nobody_knows_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(KeyError):
        statement("at_hand", frozenset({"fewer"}))
    monkeypatch.setattr("monitor.store.texts.WORDS", WORDS - {"few"})
    statement.cache_clear()
    with pytest.raises(UndefinedError):
        statement("at_hand")
    statement.cache_clear()


if __name__ == "__main__":
    SNAPSHOTS.write_text(
        "".join(
            f"{sha256(text.encode()).hexdigest()[:16]}  {name}\n"
            for name, text in variants().items()
        ),
        encoding="utf-8",
    )
