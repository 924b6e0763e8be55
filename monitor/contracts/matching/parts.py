"""Paths, queries, headers and statuses against an example and its rules."""

from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from urllib.parse import unquote_plus

from monitor.contracts.broken import Broken
from monitor.contracts.findings import Side
from monitor.contracts.matching.call import Call, plain_path
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.paths import Place, root
from monitor.contracts.matching.rules import Ask, Rules, ask
from monitor.contracts.routes import PLACEHOLDER
from monitor.model.exchanges import REDACTED
from monitor.model.pointers import escaped

Part = Callable[[Call, Mismatches], None]
"""Adds what one part of an exchange breaks, and what of it cannot be seen."""

UNSEEN = "request_unseen"
HEADERS_UNSEEN = "headers_unseen"
_PARAMETERISED = frozenset({"accept", "content-type"})


def path_part(rules: Rules | None, expected: str, clause: str) -> Part:
    """The path: as the example, or as its rules ask."""
    asked = None if rules is None else ask(rules, expected, text=True)
    plain = plain_path(expected)
    broken = Broken(rules.name if rules else "path", "/path", rules.clause if rules else clause, "the path", "another path")

    def judge(call: Call, said: Mismatches) -> None:
        path = call.exchange.path
        fits = (path == expected or plain_path(path) == plain) if asked is None else asked(path) or asked(plain_path(path))
        if fits is None:
            said.leave("undecidable", broken.clause)
        elif not fits:
            if any(PLACEHOLDER.fullmatch(part) for part in path.split("/")):
                said.leave(UNSEEN, clause)  # logged as its template
            else:
                said.add(broken)

    return judge


def query_part(expected: Mapping[str, Sequence[str]], rules: Mapping[str, Rules], clause: str, *, strict: bool = True) -> Part:
    """The query: with `strict` no other parameters may be there.

    A log that tells no query is taken to have had none where none is expected: most paths have none, and else no example
    without a query could be broken in it.
    """
    judges = {name: values_judge(name, values, root(rules), f"{clause}/{escaped(name)}") for name, values in expected.items()}
    surplus = Broken("unexpected_parameter", "/query/*", clause, "absent", "present")

    def judge(call: Call, said: Mismatches) -> None:
        query = call.query
        if query is None:
            if judges:
                said.leave(UNSEEN, clause)
            return
        for name, (judge_values, missing) in judges.items():
            values = query.get(name)
            if values is None:
                said.add(missing)
            else:
                judge_values(values, said)
        if strict and query.keys() - judges.keys():
            said.add(surplus)

    return judge


def query_text_part(expected: str, clause: str) -> Part:
    """The query as one text, in the order of its parameters."""
    wanted = expected.removeprefix("?")
    broken = Broken("query", "/query", clause, "the query", "another query")

    def judge(call: Call, said: Mismatches) -> None:
        exchange = call.exchange
        if not exchange.query and not exchange.query_known:
            said.leave(UNSEEN, clause)
        elif unquote_plus(exchange.query.removeprefix("?")) != unquote_plus(wanted):
            said.add(broken)

    return judge


def values_judge(
    name: str, expected: Sequence[str], top: Place[Rules], clause: str, prefix: str = "/query"
) -> tuple[Callable[[Sequence[str], Mismatches], None], Broken]:
    """The values of one name in a query or a form, and what to say when it is absent."""
    pointer = f"{prefix}/{escaped(name)}"
    missing = Broken("missing_parameter", pointer, clause, "present", "absent")
    place = top.step(name)
    rules = place.best
    if rules is None:
        wanted = list(expected)
        inner = [place.step(index).best for index in range(len(wanted))]
        asks: list[Ask] = [
            _same(value) if one is None else ask(one, value, text=True) for one, value in zip(inner, wanted, strict=True)
        ]

        def judge(values: Sequence[str], said: Mismatches) -> None:
            if len(values) != len(wanted):
                said.add(Broken("parameter_count", pointer, clause, f"{len(wanted)} values", "another number"))
            for one, value in zip(asks, values, strict=False):
                _tell(one(value), "equality", pointer, clause, value, said)

        return judge, missing
    bounds = [(rule.least or 0, rule.most) for rule in rules.rules if (rule.least, rule.most) != (None, None)]
    asked = [ask(place.step(index).best or rules, value, text=True) for index, value in enumerate(expected)]
    other = asked[0] if asked else None
    kind, said_by = rules.name, rules.clause

    def judge_ruled(values: Sequence[str], said: Mismatches) -> None:
        if any(len(values) < least or (most is not None and len(values) > most) for least, most in bounds):
            said.add(Broken("parameter_count", pointer, said_by, "another number of values", f"{len(values)} values"))
        for index, value in enumerate(values):
            one = asked[index] if index < len(asked) else other
            if one is not None:
                _tell(one(value), kind, pointer, said_by, value, said)

    return judge_ruled, missing


def _same(expected: str) -> Ask:
    return lambda value: value == expected


def _tell(fits: bool | None, rule: str, pointer: str, clause: str, value: str, said: Mismatches) -> None:
    if fits is None:
        said.leave("undecidable", clause)
    elif not fits:
        said.value(rule, pointer, clause, rule, value)


def header_part(side: Side, name: str, expected: Sequence[str], rules: Rules | None, clause: str) -> Part:
    """One header of one side, its name in any case."""
    key = name.lower()
    pointer = f"/headers/{escaped(key)}"
    whole = ", ".join(expected)
    asked = _header_ask(key, whole, rules)
    missing = Broken("missing_header", pointer, clause, "present", "absent")
    kind = rules.name if rules is not None else "header"
    said_by = rules.clause if rules is not None else clause

    def judge(call: Call, said: Mismatches) -> None:
        exchange = call.exchange
        headers = exchange.request_headers if side == "request" else exchange.response_headers
        text = headers.get(key)
        if text is None:
            if not headers or not exchange.headers_whole or (side == "response" and exchange.method == "HEAD"):
                said.leave(UNSEEN if side == "request" else HEADERS_UNSEEN, clause)
            else:
                said.add(missing)
        elif text == REDACTED or text.startswith("[redacted "):
            said.shape_only = True
        else:
            _tell(asked(text), kind, pointer, said_by, text, said)

    return judge


def _header_ask(name: str, expected: str, rules: Rules | None) -> Ask:
    if rules is not None:
        one = ask(rules, expected, text=True)
        return lambda text: one(text) or one(text.strip())
    if name in _PARAMETERISED:
        wanted = [_parameterised(part) for part in expected.split(",")]

        @lru_cache(maxsize=16)
        def fits(text: str) -> bool:
            said = [_parameterised(part) for part in text.split(",")]
            return len(said) == len(wanted) and all(
                kind == other and all(own.get(key) == value for key, value in held.items())
                for (kind, held), (other, own) in zip(wanted, said, strict=True)
            )

        return fits
    plain = _commas(expected)
    return lambda text: _commas(text) == plain


def _parameterised(text: str) -> tuple[str, dict[str, str]]:
    """A value and its parameters; a parameter's value in any case, as charsets are."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    pairs = (one.partition("=") for one in parameters if one)
    return kind, {key.strip(): value.strip().lower() for key, _, value in pairs}


def _commas(text: str) -> str:
    return ",".join(part.strip() for part in text.split(","))


def status_part(expected: int, rules: Rules | None, clause: str) -> Part:
    """The response's status."""
    asked = None if rules is None else ask(rules, expected)
    said_by = clause if rules is None else rules.clause
    wanted = str(expected) if rules is None else rules.name

    def judge(call: Call, said: Mismatches) -> None:
        status = call.exchange.status
        if status != expected if asked is None else not asked(status):
            said.add(Broken("status", "/status", said_by, wanted, str(status)))

    return judge
