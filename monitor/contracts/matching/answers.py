"""What a stub's canned answer asks of a live one: equal where one request is meant, else of the
same shape.

A templated text (`{{…}}`) stands for any text, and one outside quotes for any value. What comes
besides is allowed.
"""

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.contracts.matching.content import Example, body_part, example_of
from monitor.contracts.matching.likeness import placeholder_rule
from monitor.contracts.matching.parts import Part, header_part
from monitor.contracts.matching.rules import ANYTHING, Rule, Rules
from monitor.contracts.matching.work import Work
from monitor.model.pointers import escaped

_TEMPLATE = re.compile(r"\{\{[^{}]*\}\}\}?|\$\{[A-Za-z_][\w.\[\]]*\}")
_BLOCK = re.compile(r"\{\{[#/^]")
_MARK, _TEXT = "\u0001any\u0001", "\u0001text\u0001"
_MADE_ON_THE_WAY = frozenset(
    (
        "date server connection keep-alive transfer-encoding content-length content-encoding etag last-modified set-cookie "
        "vary x-request-id matched-stub-id age alt-svc expires nel proxy-status report-to server-timing traceparent via "
        "x-amzn-requestid x-amzn-trace-id x-b3-traceid x-cache x-cache-hits x-correlation-id x-envoy-upstream-service-time "
        "x-github-request-id x-response-time x-runtime x-served-by x-timer x-trace-id x-varnish"
    ).split()
)
_BY_EACH_CALL = re.compile(r"cf-|x-amz-cf-|(?:x-)?ratelimit-|x-rate-limit-")
"""Families of such: of content networks, and what is left of a caller's budget."""


def is_made_on_the_way(header: str) -> bool:
    """Whether servers make a header (in lower case) anew for each answer."""
    return header in _MADE_ON_THE_WAY or _BY_EACH_CALL.match(header) is not None


def is_templated(text: str) -> bool:
    """Whether a text holds a template."""
    return _TEMPLATE.search(text) is not None


def answer_body(
    value: Any,
    media: str,
    rules: Mapping[str, Rules],
    *,
    exact: bool,
    clause: str,
    work: Work,
    templated: bool = False,
) -> Part | None:
    """The part for a body; None where the answer shows none. `exact`: values count, where they are
    no templates.

    `templated`: the whole answer is made from a template, so that only its shape counts.
    """
    if value is None or value in ("", b""):
        return None
    if isinstance(value, str) and (templated or is_templated(value)):
        value, exact = _untemplated(value), False
        if value is None:
            return None  # text whose shape nobody can tell
    example = example_of(value, "" if is_templated(media) else media)
    if example.kind == "json" and example.value is value and isinstance(value, str):
        # called JSON and none: it is served as it stands
        example = Example("text", example.media, value)
    all_rules = dict(rules)
    if not exact or templated:
        all_rules.setdefault("$", Rules((Rule("type"),), clause))
    if example.kind == "json":
        all_rules |= {
            path: rule
            for path, rule in _marked(example.value, "$", clause)
            if path not in all_rules
        }
    elif example.kind in ("text", "binary", "form") and not exact:
        return None
    return body_part("response", example, all_rules, strict=False, clause=clause, work=work)


def _untemplated(text: str) -> str | None:
    """A JSON text whose templates are marks; None for another, whose shape nobody can tell."""
    if _BLOCK.search(text):
        return None  # loops and conditions: the answer is made by a program
    marked = []
    inside, at = False, 0
    for match in _TEMPLATE.finditer(text):
        before = text[at : match.start()]
        inside ^= len(re.findall(r'(?<!\\)"', before)) % 2 == 1
        marked += [before, _TEXT if inside else json.dumps(_MARK)]
        at = match.end()
    marked.append(text[at:])
    plain = "".join(marked)
    try:
        json.loads(plain, strict=False)
    except (ValueError, RecursionError):
        return None
    return json.dumps(json.loads(plain, strict=False))


def _marked(value: Any, path: str, clause: str) -> Iterator[tuple[str, Rules]]:
    """Rules for the places that hold a mark or a placeholder."""
    if isinstance(value, dict):
        for name, child in value.items():
            quoted = name.replace("\\", "\\\\").replace("'", "\\'")
            yield from _marked(child, f"{path}['{quoted}']", clause)
    elif isinstance(value, list):
        for index, child in enumerate(value):
            yield from _marked(child, f"{path}[{index}]", clause)
    elif isinstance(value, str):
        placed = placeholder_rule(value)
        if value == _MARK:
            yield path, Rules((Rule(ANYTHING),), clause)
        elif _TEXT in value or is_templated(value):
            yield path, Rules((Rule("type"),), clause)
        elif placed is not None:
            yield path, Rules((Rule(placed[0], placed[1]),), clause)


def answer_headers(
    headers: Any, rules: Mapping[str, Rules], clause: str, *, exact: bool
) -> Iterator[Part]:
    """Parts for the headers of an answer. Those that servers make anew for each are passed over,
    unless a rule speaks of them.
    """
    for name, value in (headers if isinstance(headers, dict) else {}).items():
        key = str(name).lower()
        header_rules = rules.get(key)
        if header_rules is None and is_made_on_the_way(key):
            continue
        texts = [str(item) for item in value] if isinstance(value, list) else [str(value)]
        loose = any(map(is_templated, texts)) or (not exact and key != "content-type")
        if header_rules is None and loose:
            header_rules = Rules((Rule(ANYTHING),), clause)
        yield header_part("response", key, texts, header_rules, f"{clause}/{escaped(str(name))}")
