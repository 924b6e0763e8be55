"""A request's parameters and a response's headers against their clauses; text is read as the
contract says.
"""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from urllib.parse import unquote

from monitor.contracts.broken import Broken, json_type
from monitor.contracts.findings import Findings, Side
from monitor.contracts.form import Operation, Parameter
from monitor.contracts.loose import is_mask
from monitor.contracts.payloads import NOT_JSON, TRUNCATED, Payload, is_json_type
from monitor.contracts.queries import Pairs, query_pairs
from monitor.contracts.readings import Structure, readings
from monitor.contracts.routes import PLACEHOLDER
from monitor.contracts.routes import parameters as path_parameters
from monitor.contracts.styles import (
    Occurrence,
    cookie_pairs,
    decoded,
    names_of,
    of_header,
    of_pairs,
    of_path,
)
from monitor.errors import ContractError
from monitor.model.exchanges import REDACTED, REDACTED_KINDS, Exchange
from monitor.model.pointers import escaped

# Reasons for "not checked".
UNSEEN, TOO_LONG, MEDIA, STYLE = (
    "parameter_unseen",
    "query_too_large",
    "parameter_media_type",
    "parameter_style",
)
UNDECIDABLE = "undecidable"
_SHORT = 19


def check_parameters(
    exchange: Exchange, operation: Operation, rest: str, findings: Findings
) -> None:
    """Add to `findings` what a request's parameters break, and which clauses cannot be held
    against it.

    Only what the source tells is judged. A required parameter whose place the source does not log
    (no query, no headers, a path logged as its template) is unseen, and so not checked; an
    optional one is passed over.
    """
    look = _Look(exchange, operation, rest)
    for parameter in operation.parameters:
        look.check(parameter, findings)


def check_headers(exchange: Exchange, headers: Sequence[Parameter], findings: Findings) -> None:
    """The same for a response's headers."""
    for header in headers:
        if header.style == "other":
            findings.leave(STYLE, "response", header.clause)
            continue
        text = exchange.response_headers.get(header.name)
        if text is None:
            # An answer to HEAD may leave headers out:
            # https://www.rfc-editor.org/rfc/rfc9110#name-head
            unseen = (
                not exchange.response_headers
                or not exchange.headers_whole
                or exchange.method == "HEAD"
            )
            _absent(header, findings, "response", unseen=unseen, rule="missing_header")
        else:
            _judge_header(header, text, findings, "response")


def check_record_headers(
    headers: Mapping[str, str], described: Sequence[Parameter], findings: Findings
) -> None:
    """The same for the headers of a record, all of which are told. One in binary cannot be read as
    text, and is not checked.
    """
    for header in described:
        text = headers.get(header.name)
        if text is None:
            _absent(header, findings, "request", unseen=False, rule="missing_header")
        elif text and not text.isprintable():
            findings.leave(UNSEEN, "request", header.clause)
        elif text[:1] in ("{", "[") and header.schema is not None and not header.media:
            _judge_written(header, text, findings)
        else:
            _judge_header(header, text, findings, "request")


def _judge_written(header: Parameter, text: str, findings: Findings) -> None:
    """A record's header that may be written as JSON, or else as its style says."""
    plain, written = Findings(), Findings()
    _judge_header(header, text, plain, "request")
    if plain.broken:
        _judge_content(replace(header, media="application/json"), text, written, "request")
    is_json = all(broken.rule != "not_json" for _, broken in written.broken)
    findings.take(written if plain.broken and is_json else plain)


class _Look:
    """One request, each of its places read at the first question and once."""

    def __init__(self, exchange: Exchange, operation: Operation, rest: str) -> None:
        self._exchange = exchange
        self._operation = operation
        self._rest = rest
        self._query: Pairs | None = None
        self._query_read = False
        self._path: Mapping[str, str] | None = None

    def check(self, parameter: Parameter, findings: Findings) -> None:
        exchange = self._exchange
        if parameter.style == "other":
            findings.leave(STYLE, "request", parameter.clause)
        elif parameter.place in ("query", "querystring"):
            if not exchange.query_known and not exchange.query:
                _absent(parameter, findings, "request", unseen=True)
            elif parameter.place == "querystring":
                self._whole_query(parameter, findings)
            else:
                self._pairs(parameter, self._query_pairs(), findings, TOO_LONG)
        elif parameter.place == "path":
            self._in_path(parameter, findings)
        elif not exchange.request_headers:
            _absent(parameter, findings, "request", unseen=True)
        elif parameter.place == "header":
            text = exchange.request_headers.get(parameter.name)
            if text is None:
                _absent(parameter, findings, "request", unseen=not exchange.headers_whole)
            else:
                _judge_header(parameter, text, findings, "request")
        else:
            text = exchange.request_headers.get("cookie")
            if text is None and not exchange.headers_whole:
                _absent(parameter, findings, "request", unseen=True)
            elif text == REDACTED:
                findings.leave(UNSEEN, "request", parameter.clause)
            else:
                self._pairs(parameter, cookie_pairs(text or ""), findings, TOO_LONG)

    def _query_pairs(self) -> Pairs | None:
        if not self._query_read:
            self._query, self._query_read = query_pairs(self._exchange.query), True
        return self._query

    def _pairs(
        self, parameter: Parameter, pairs: Pairs | None, findings: Findings, reason: str
    ) -> None:
        if pairs is None:
            findings.leave(reason, "request", parameter.clause)
            return
        own = [value for name, value in pairs if name == parameter.name]
        if parameter.allow_empty and own and not any(own):
            return
        if parameter.media:
            if not own:
                _absent(parameter, findings, "request", unseen=False)
            for text in own:
                _judge_content(parameter, text, findings)
            return
        others = (
            names_of(self._operation.parameters).get(parameter.place, frozenset())
            if "object" in parameter.reading.kinds
            else frozenset()
        )
        occurrences = of_pairs(parameter, pairs, others)
        if not occurrences:
            _absent(parameter, findings, "request", unseen=False)
        for occurrence in occurrences:
            _judge(parameter, occurrence, findings, "request")

    def _whole_query(self, parameter: Parameter, findings: Findings) -> None:
        """OpenAPI 3.2's `in: querystring`: the query as a whole is a document."""
        text = self._exchange.query.removeprefix("?")
        if not text:
            _absent(parameter, findings, "request", unseen=False)
        elif parameter.media == "application/x-www-form-urlencoded":
            pairs = query_pairs(text)
            if pairs is None:
                findings.leave(TOO_LONG, "request", parameter.clause)
                return
            from_form: dict[str, Structure] = {}
            for name, value in _merged(pairs).items():
                many = "array" in parameter.reading.of(name).kinds
                from_form[name] = list(value) if len(value) > 1 or many else value[0]
            _judge(parameter, [from_form], findings, "request")
        else:
            _judge_content(parameter, text, findings)

    def _in_path(self, parameter: Parameter, findings: Findings) -> None:
        if self._path is None:
            operation = self._operation
            self._path = path_parameters(operation.route, self._rest, operation.spanning)
        text = self._path.get(parameter.name)
        if text is not None and _fits_at_once(parameter, text):
            return
        if text is None or _is_template(parameter, text):
            _absent(parameter, findings, "request", unseen=True)
        elif parameter.media:
            _judge_content(parameter, text, findings)
        else:
            occurrence = of_path(parameter, text)
            if occurrence is None:
                place = _place(parameter)
                findings.add(
                    "request",
                    Broken(
                        "parameter_style",
                        place,
                        parameter.clause,
                        f"style {parameter.style}",
                        "other text",
                    ),
                )
            else:
                _judge(parameter, occurrence, findings, "request")


def of_scalar(parameter: Parameter) -> bool:
    """Whether a plain text stands for a scalar of this parameter, so that nothing of it is to be
    taken apart.
    """
    return (
        parameter.schema is not None
        and not parameter.media
        and parameter.style == "simple"
        and not parameter.reading.parts
    )


def is_plain(text: str) -> bool:
    """Whether a text holds letters, digits, - and _ alone, as most ids do: it means itself, masks
    nothing and is no template.
    """
    return text.isalnum() or text.replace("-", "").replace("_", "").isalnum()


def _is_template(parameter: Parameter, text: str) -> bool:
    """Whether a segment was logged as its template. A document of JSON stands in braces, too."""
    return PLACEHOLDER.fullmatch(text) is not None and not (
        parameter.media and '"' in unquote(text)
    )


def _fits_at_once(parameter: Parameter, text: str) -> bool:
    """Whether a plain scalar keeps its schema: so do most. Else one has to look."""
    return of_scalar(parameter) and is_plain(text) and scalar_fits(parameter, text)


def scalar_fits(parameter: Parameter, text: str) -> bool:
    """Whether a plain text keeps a scalar parameter's schema, as one of its readings."""
    schema, reading = parameter.schema, parameter.reading
    assert schema is not None
    try:
        digits = (
            "integer" in reading.kinds
            and len(text) < _SHORT
            and text.isdecimal()
            and text.isascii()
        )
        if digits and ((text[0] != "0" and schema.proves(text)) or schema.fits(int(text))):
            return True
        return any(map(schema.fits, readings(text, reading)))
    except (ContractError, ValueError, RecursionError):
        return False


def _merged(pairs: Pairs) -> dict[str, list[str]]:
    by_name: dict[str, list[str]] = {}
    for name, value in pairs:
        by_name.setdefault(name, []).append(value)
    return by_name


def _absent(
    parameter: Parameter,
    findings: Findings,
    side: Side,
    *,
    unseen: bool,
    rule: str = "missing_parameter",
) -> None:
    if not parameter.required:
        return
    if unseen:
        findings.leave(UNSEEN, side, parameter.clause)
    else:
        findings.add(side, Broken(rule, _place(parameter), parameter.clause, "present", "absent"))


def _judge_header(parameter: Parameter, text: str, findings: Findings, side: Side) -> None:
    if text == REDACTED:
        findings.shape_only = True
    elif parameter.media:
        _judge_content(parameter, text, findings, side)
    else:
        _judge(parameter, of_header(parameter, text), findings, side)


def _judge_content(
    parameter: Parameter, text: str, findings: Findings, side: Side = "request"
) -> None:
    """A parameter that is a document of a media type."""
    if parameter.schema is None:
        return
    if parameter.place != "header":
        text = unquote(text) if parameter.place == "path" else decoded(text)
    if parameter.media == "text/plain":
        _hold(parameter, [text], findings, side)
    elif not is_json_type(parameter.media):
        findings.leave(MEDIA, side, parameter.clause)
    else:
        document = Payload(text, {"content-type": parameter.media})
        if not text or document.problem in (NOT_JSON, TRUNCATED):
            findings.add(
                side, Broken("not_json", _place(parameter), parameter.clause, "JSON", "other text")
            )
        elif document.problem:
            findings.leave(document.problem, side, parameter.clause)
        else:
            _hold(parameter, [document.value], findings, side)


def _judge(parameter: Parameter, occurrence: Occurrence, findings: Findings, side: Side) -> None:
    """Good when one reading of the text keeps the schema: nobody can tell which one was meant."""
    if parameter.schema is None:
        return
    if any(_masked(structure) for structure in occurrence):
        findings.shape_only = True
        kinds = REDACTED_KINDS.get(str(occurrence[-1]), frozenset())
        if kinds and kinds.isdisjoint(parameter.reading.kinds):
            expected = "|".join(sorted(parameter.reading.kinds))
            findings.add(
                side, Broken("type", _place(parameter), parameter.clause, expected, "string")
            )
        return
    _hold(
        parameter,
        [value for structure in occurrence for value in readings(structure, parameter.reading)],
        findings,
        side,
    )


def _hold(parameter: Parameter, values: list[object], findings: Findings, side: Side) -> None:
    schema = parameter.schema
    assert schema is not None
    try:
        if any(schema.fits(value) for value in values):
            return
        broken = next(
            (violation for value in values for violation in schema.broken(value, 1)), None
        )
    except (ContractError, ValueError, RecursionError):
        broken = None
    if broken is None:
        findings.leave(UNDECIDABLE, side, parameter.clause)
        return
    actual = broken.actual if isinstance(values[0], dict | list) else json_type(values[0])
    findings.add(
        side,
        Broken(
            broken.rule, _place(parameter) + broken.pointer, broken.clause, broken.expected, actual
        ),
    )


def _masked(structure: Structure) -> bool:
    if isinstance(structure, str):
        return is_mask(structure)
    return any(map(_masked, structure if isinstance(structure, list) else structure.values()))


def _place(parameter: Parameter) -> str:
    return f"/{parameter.place}/{escaped(parameter.name)}"
