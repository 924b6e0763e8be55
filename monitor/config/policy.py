"""A policy file read: YAML to a policy, or what is wrong with it, on which line, and the nearest
name.
"""

import difflib
from collections.abc import Iterator
from dataclasses import fields
from functools import cache
from itertools import accumulate
from pathlib import Path
from typing import Any, get_args

import yaml
from pydantic import TypeAdapter, ValidationError

from monitor.config.groups import Settings
from monitor.errors import ConfigError
from monitor.model.policy import ByHand, Criticality, Doubt, Minimum, Overruling, Policy, Rule

MOST_CHARACTERS = 100_000
MOST_DEPTH = 40
_PLACES: dict[tuple[str, ...], type] = {
    (): Policy,
    ("rules",): Rule,
    ("rules", "minimum"): Minimum,
    ("criticality",): Criticality,
    ("criticality", "by_hand"): ByHand,
    ("overrides",): Overruling,
}
Place = tuple[str | int, ...]


@cache
def _adapter() -> TypeAdapter[Policy]:
    """Built where a policy is read: most commands read none."""
    return TypeAdapter(Policy)


def policy_in(path: Path) -> Policy:
    """The policy of a file. ConfigError names file, line and what to write instead."""
    try:
        text = path.read_text(encoding="utf-8")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(
            f"the policy file {path} cannot be read: {getattr(error, 'strerror', None) or 'it is no UTF-8'}"
        ) from None
    return read_policy(text, str(path))


def policy_of(settings: Settings) -> Policy:
    """The gate's policy: that of `detection.policy_file`, else the one rule that
    `detection.accept_weaker_pass` makes. ConfigError.
    """
    detection = settings.detection
    if detection.policy_file is None:
        accepts = (
            (Rule("detection.accept_weaker_pass", inconclusive={"weaker_pass": "pass"}),)
            if detection.accept_weaker_pass
            else ()
        )
        return Policy(rules=accepts)
    if detection.accept_weaker_pass:
        raise ConfigError(
            "detection.accept_weaker_pass and detection.policy_file are both set; say `inconclusive: {weaker_pass: pass}` in a rule of "
            f"{detection.policy_file} and unset the former"
        )
    return policy_in(detection.policy_file)


def read_policy(text: str, where: str = "the policy") -> Policy:
    """The policy that a text in YAML holds. ConfigError names `where`, the line and what to write
    instead, for every fault.
    """
    if len(text) > MOST_CHARACTERS:
        raise ConfigError(
            f"{where} has {len(text)} characters; at most {MOST_CHARACTERS} are read"
        )
    if _depth(text) > MOST_DEPTH:  # PyYAML's time grows with the square of it
        raise ConfigError(f"{where} nests too deeply")
    try:
        if any(
            isinstance(token, yaml.AliasToken) for token in yaml.scan(text, Loader=yaml.SafeLoader)
        ):
            raise ConfigError(f"{where} has an alias (`*name`); write out what it stands for")
        root = yaml.compose(text, Loader=yaml.SafeLoader)
        document = yaml.safe_load(text)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f"{where}:{mark.line + 1}" if mark else where
        raise ConfigError(
            f"{line}: it is no YAML: {getattr(error, 'problem', None) or error}"
        ) from None
    except RecursionError:
        raise ConfigError(f"{where} nests too deeply") from None
    except ValueError as error:  # 2026-13-45 looks like a date
        raise ConfigError(f"{where}: a value cannot be read: {error}") from None
    if not isinstance(document, dict):
        raise ConfigError(
            f"{where}:1: a policy is a list of names with values; begin with `version: 1`"
        )
    lines: dict[Place, int] = {}
    twice = list(_walk(root, (), lines))
    if twice:
        raise ConfigError(
            "\n".join(f"{where}:{line}: {name} stands here twice" for name, line in twice)
        )
    if "version" not in document:
        raise ConfigError(
            f"{where}:1: the version of the format is missing; begin with `version: 1`"
        )
    try:
        policy = _adapter().validate_python(document)
    except ValidationError as error:
        raise ConfigError(
            "\n".join(
                f"{where}:{_line(fault['loc'], lines)}: {_complaint(fault)}"
                for fault in error.errors()
            )
        ) from None
    faults = [
        f"{where}:{lines.get(('rules', place), 1)}: {fault}" for place, fault in _idle(policy)
    ]
    if faults:
        raise ConfigError("\n".join(faults))
    return policy


def policy_schema() -> dict[str, Any]:
    """JSON Schema of a policy file, for editors."""
    return _adapter().json_schema()


def _depth(text: str) -> int:
    """The deepest nesting of brackets, those in quotes too."""
    opened = accumulate((character in "[{") - (character in "]}") for character in text)
    return max(opened, default=0)


def _idle(policy: Policy) -> Iterator[tuple[int, str]]:
    """Rules that cannot be told apart, or ask for nothing."""
    seen: set[str] = set()
    for place, rule in enumerate(policy.rules):
        if rule.name in seen:
            yield place, f"a rule of the name {rule.name!r} stands above; give each its own"
        seen.add(rule.name)
        if rule.minimum == Minimum() and not rule.inconclusive and rule.meaning is None:
            yield (
                place,
                f"the rule {rule.name!r} asks for nothing; give it `minimum`, `inconclusive` or `meaning`",
            )


def _walk(node: Any, place: Place, lines: dict[Place, int]) -> Iterator[tuple[str, int]]:
    """Notes the line of every place; yields names that stand twice."""
    lines.setdefault(place, node.start_mark.line + 1)
    if isinstance(node, yaml.MappingNode):
        for key, value in node.value:
            here = (*place, str(key.value))
            if here in lines:
                yield str(key.value), key.start_mark.line + 1
            lines[here] = key.start_mark.line + 1
            yield from _walk(value, here, lines)
    elif isinstance(node, yaml.SequenceNode):
        for number, value in enumerate(node.value):
            yield from _walk(value, (*place, number), lines)


def _line(place: Place, lines: dict[Place, int]) -> int:
    return next(
        lines[place[:count]] for count in range(len(place), -1, -1) if place[:count] in lines
    )


def _complaint(error: Any) -> str:
    names = [part for part in error["loc"] if isinstance(part, str)]
    dotted = ".".join(map(str, error["loc"]))
    if error["type"] in ("unexpected_keyword_argument", "extra_forbidden"):
        of = _PLACES.get(tuple(names[:-1]))
        return f"unknown name {names[-1]!r}{_meant(names[-1], [field.name for field in fields(of)] if of else [])}"
    if names and names[-1] == "[key]":
        return f"unknown kind of doubt {names[-2]!r}{_meant(names[-2], list(get_args(Doubt)))}"
    if error["type"] in ("missing", "missing_argument"):
        return f"{dotted} is missing"
    return f"{dotted}: {error['msg']}"


def _meant(name: str, names: list[str]) -> str:
    near = difflib.get_close_matches(name, names, 1, 0.5)
    return f", did you mean {near[0]}?" if near else f"; known are {', '.join(names)}"
