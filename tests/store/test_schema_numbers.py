"""Schema files have numbers of their own: a store remembers what it has by number."""

from collections import Counter
from importlib.resources import files


def test_no_two_schema_files_have_one_number() -> None:
    names = [entry.name for entry in files("monitor.store").joinpath("schema").iterdir() if entry.name.endswith(".sql")]
    assert {number: many for number, many in Counter(name.split("_", 1)[0] for name in names).items() if many > 1} == {}
