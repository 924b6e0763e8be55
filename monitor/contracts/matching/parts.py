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
from monitor.model.pointers import escaped

Part = Callable[[Call, Mismatches], None]
"""Adds what one part of an exchange breaks, and what of it cannot be seen."""

UNSEEN = "request_unseen"
HEADERS_UNSEEN = "headers_unseen"
_MASK = "[redacted"
_PARAMETERISED = frozenset({"accept", "content-type"})


def path_part(rules: Rules | None, expected: str, clause: str) -> Part:
    """The path: as the example, or as its rules ask."""
    check = None if rules is None else ask(rules, expected, text=True)
    plain = plain_path(expected)
    broken = Broken(
        rules.name if rules else "path",
        "/path",
        rules.clause if rules else clause,
        "the path",
        "another path",
    )

    def judge(call: Call, mismatches: Mismatches) -> None:
        path = call.exchange.path
        fits = (
            (path == expected or plain_path(path) == plain)
            if check is None
            else check(path) or check(plain_path(path))
        )
        if fits is None:
            mismatches.leave("undecidable", broken.clause)
        elif not fits:
            if any(PLACEHOLDER.fullmatch(part) for part in path.split("/")):
                mismatches.leave(UNSEEN, clause)  # logged as its template
            else:
                mismatches.add(broken)

    return judge


def query_part(
    expected: Mapping[str, Sequence[str]],
    rules: Mapping[str, Rules],
    clause: str,
    *,
    strict: bool = True,
) -> Part:
    """The query: with `strict` no other parameters may be there.

    A log that tells no query is taken to have had none where none is expected: most paths have
    none, and else no example without a query could be broken in it.
    """
    judges = {
        name: values_judge(name, values, root(rules), f"{clause}/{escaped(name)}")
        for name, values in expected.items()
    }
    surplus = Broken("unexpected_parameter", "/query/*", clause, "absent", "present")

    def judge(call: Call, mismatches: Mismatches) -> None:
        query = call.query
        if query is None:
            if judges:
                mismatches.leave(UNSEEN, clause)
            return
        for name, (judge_values, missing) in judges.items():
            values = query.get(name)
            if values is None:
                mismatches.add(missing)
            else:
                judge_values(values, mismatches)
        if strict and query.keys() - judges.keys():
            mismatches.add(surplus)

    return judge


def query_text_part(expected: str, clause: str) -> Part:
    """The query as one text, in the order of its parameters."""
    query = expected.removeprefix("?")
    broken = Broken("query", "/query", clause, "the query", "another query")

    def judge(call: Call, mismatches: Mismatches) -> None:
        exchange = call.exchange
        if not exchange.query and not exchange.query_known:
            mismatches.leave(UNSEEN, clause)
        elif unquote_plus(exchange.query.removeprefix("?")) != unquote_plus(query):
            mismatches.add(broken)

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
        expected_values = list(expected)
        inner = [place.step(index).best for index in range(len(expected_values))]
        asks: list[Ask] = [
            _same(value) if item_rules is None else ask(item_rules, value, text=True)
            for item_rules, value in zip(inner, expected_values, strict=True)
        ]

        def judge(values: Sequence[str], mismatches: Mismatches) -> None:
            if len(values) != len(expected_values):
                mismatches.add(
                    Broken(
                        "parameter_count",
                        pointer,
                        clause,
                        f"{len(expected_values)} values",
                        "another number",
                    )
                )
            for fits, value in zip(asks, values, strict=False):
                _tell(fits(value), "equality", pointer, clause, value, mismatches)

        return judge, missing
    bounds = [
        (rule.least or 0, rule.most)
        for rule in rules.rules
        if (rule.least, rule.most) != (None, None)
    ]
    checks = [
        ask(place.step(index).best or rules, value, text=True)
        for index, value in enumerate(expected)
    ]
    other = checks[0] if checks else None
    kind, said_by = rules.name, rules.clause

    def judge_ruled(values: Sequence[str], mismatches: Mismatches) -> None:
        if any(
            len(values) < least or (most is not None and len(values) > most)
            for least, most in bounds
        ):
            mismatches.add(
                Broken(
                    "parameter_count",
                    pointer,
                    said_by,
                    "another number of values",
                    f"{len(values)} values",
                )
            )
        for index, value in enumerate(values):
            check = checks[index] if index < len(checks) else other
            if check is not None:
                _tell(check(value), kind, pointer, said_by, value, mismatches)

    return judge_ruled, missing


def _same(expected: str) -> Ask:
    return lambda value: value == expected


def _tell(
    fits: bool | None, rule: str, pointer: str, clause: str, value: str, mismatches: Mismatches
) -> None:
    if fits is None:
        mismatches.leave("undecidable", clause)
    elif not fits:
        mismatches.value(rule, pointer, clause, rule, value)


def header_part(
    side: Side, name: str, expected: Sequence[str], rules: Rules | None, clause: str
) -> Part:
    """One header of one side, its name in any case."""
    key = name.lower()
    pointer = f"/headers/{escaped(key)}"
    whole = ", ".join(expected)
    check = _header_ask(key, whole, rules)
    missing = Broken("missing_header", pointer, clause, "present", "absent")
    kind = rules.name if rules is not None else "header"
    said_by = rules.clause if rules is not None else clause
    last = ""  # the value that fitted last: most exchanges have the same

    def judge(call: Call, mismatches: Mismatches) -> None:
        nonlocal last
        exchange = call.exchange
        headers = exchange.request_headers if side == "request" else exchange.response_headers
        text = headers.get(key)
        if text and text == last:
            return
        if text is None:
            if (
                not headers
                or not exchange.headers_whole
                or (side == "response" and exchange.method == "HEAD")
            ):
                mismatches.leave(UNSEEN if side == "request" else HEADERS_UNSEEN, clause)
            else:
                mismatches.add(missing)
        elif is_masked(text) and (key != "cookie" or _named_alike(text, whole)):
            mismatches.shape_only = True
        else:
            fits = check(text)
            if fits:
                last = text
            else:
                _tell(fits, kind, pointer, said_by, text, mismatches)

    return judge


def is_masked(text: str) -> bool:
    """Whether something of a text was masked before it came; of cookies the names stay."""
    return _MASK in text


def _named_alike(text: str, expected: str) -> bool:
    """Whether two Cookie headers name the same."""
    if text.startswith(_MASK):
        return True
    sent, wanted = (
        [part.partition("=")[0].strip() for part in cookies.split(";")]
        for cookies in (text, expected)
    )
    return sent == wanted


def _header_ask(name: str, expected: str, rules: Rules | None) -> Ask:
    if rules is not None:
        check = ask(rules, expected, text=True)
        return lambda text: check(text) or check(text.strip())
    if name in _PARAMETERISED:
        items = [_parameterised(part) for part in expected.split(",")]

        @lru_cache(maxsize=16)
        def fits(text: str) -> bool:
            actual = [_parameterised(part) for part in text.split(",")]
            return len(actual) == len(items) and all(
                kind == other and all(own.get(key) == value for key, value in held.items())
                for (kind, held), (other, own) in zip(items, actual, strict=True)
            )

        return fits
    plain = _commas(expected)
    return lambda text: _commas(text) == plain


def _parameterised(text: str) -> tuple[str, dict[str, str]]:
    """A value and its parameters; a parameter's value in any case, as charsets are."""
    kind, *parameters = (part.strip() for part in text.split(";"))
    pairs = (parameter.partition("=") for parameter in parameters if parameter)
    return kind, {key.strip(): value.strip().lower() for key, _, value in pairs}


def _commas(text: str) -> str:
    return ",".join(part.strip() for part in text.split(","))


def status_part(expected: int, rules: Rules | None, clause: str) -> Part:
    """The response's status."""
    check = None if rules is None else ask(rules, expected)
    said_by = clause if rules is None else rules.clause
    label = str(expected) if rules is None else rules.name

    def judge(call: Call, mismatches: Mismatches) -> None:
        status = call.exchange.status
        if status != expected if check is None else not check(status):
            mismatches.add(Broken("status", "/status", said_by, label, str(status)))

    return judge
