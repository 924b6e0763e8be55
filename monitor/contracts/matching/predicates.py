"""What stubs ask of a request: values of its places, as texts or as JSON, and what is asked of
them.
"""

from collections.abc import Callable, Sequence
from typing import Any
from urllib.parse import unquote_plus

from monitor.contracts.broken import Broken
from monitor.contracts.findings import Side
from monitor.contracts.forms import MULTIPART, parts_of
from monitor.contracts.matching.call import Call, plain_path
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.matching.parts import HEADERS_UNSEEN, UNSEEN, Part, is_masked
from monitor.contracts.payloads import EMPTY
from monitor.contracts.queries import query_pairs
from monitor.contracts.styles import cookie_pairs
from monitor.model.exchanges import REDACTED

Seen = tuple[list[Any], str]
"""The values at one place, none when it is absent; and "", or why it cannot be seen."""

See = Callable[[Call], Seen]
AskAll = Callable[[Sequence[Any]], bool | None]
"""Whether the values of a place are as asked; None when that cannot be decided."""
_FORM = "application/x-www-form-urlencoded"


def asked_part(see: See, ask: AskAll, rule: str, pointer: str, clause: str) -> Part:
    """A part of a request matcher: what is asked of one place."""
    broken = Broken(rule, pointer, clause, rule, "other")

    def judge(call: Call, mismatches: Mismatches) -> None:
        values, problem = see(call)
        if problem:
            mismatches.leave(problem, clause)
            return
        fits = ask(values)
        if fits is None:
            mismatches.leave("undecidable", clause)
        elif not fits:
            mismatches.add(broken)

    return judge


def some(ask: Callable[[Any], bool | None]) -> AskAll:
    """Some value is as asked."""

    def fits(values: Sequence[Any]) -> bool | None:
        answers = [ask(value) for value in values]
        return True if True in answers else None if None in answers else False

    return fits


def negated(ask: AskAll) -> AskAll:
    """The opposite."""

    def fits(values: Sequence[Any]) -> bool | None:
        answer = ask(values)
        return None if answer is None else not answer

    return fits


def combined(asks: Sequence[AskAll], *, either: bool) -> AskAll:
    """All of them, or with `either` one of them."""

    def fits(values: Sequence[Any]) -> bool | None:
        answers = [ask(values) for ask in asks]
        if either:
            return True if True in answers else None if None in answers else False
        return False if False in answers else None if None in answers else True

    return fits


def see_path(call: Call) -> Seen:
    """The path without percent-encoding."""
    return [plain_path(call.exchange.path)], ""


def see_raw_path(call: Call) -> Seen:
    """The path as it came."""
    return [call.exchange.path], ""


def see_url(call: Call) -> Seen:
    """Path and query as they came."""
    exchange = call.exchange
    if not exchange.query and not exchange.query_known:
        return [exchange.path], UNSEEN
    query = exchange.query.removeprefix("?")
    return [f"{exchange.path}?{query}" if query else exchange.path], ""


def see_query(name: str, *, any_case: bool = False) -> See:
    """The values of one parameter."""
    wanted = name.lower()

    def see(call: Call) -> Seen:
        query = call.query
        if query is None:
            return [], UNSEEN
        if not any_case:
            return list(query.get(name, ())), ""
        return [
            value for key, values in query.items() if key.lower() == wanted for value in values
        ], ""

    return see


def see_header(name: str, side: Side = "request") -> See:
    """One header."""
    key = name.lower()
    unseen = UNSEEN if side == "request" else HEADERS_UNSEEN

    def see(call: Call) -> Seen:
        exchange = call.exchange
        headers = exchange.request_headers if side == "request" else exchange.response_headers
        text = headers.get(key)
        if text is None:
            return [], unseen if not headers or not exchange.headers_whole else ""
        return ([], unseen) if is_masked(text) else ([text], "")

    return see


def see_cookie(name: str) -> See:
    """One cookie of the request."""
    header = see_header("cookie")

    def see(call: Call) -> Seen:
        text = call.exchange.request_headers.get("cookie")
        if text is None or text == REDACTED:
            return header(call)
        values = [value for key, value in cookie_pairs(text) if key == name]
        return ([], UNSEEN) if any(map(is_masked, values)) else (values, "")

    return see


def see_form(name: str, *, any_case: bool = False) -> See:
    """The values of one field of a form; none of a body of another type."""
    wanted = name.lower()

    def see(call: Call) -> Seen:
        media = call.exchange.request_headers.get("content-type", "")
        if media and not media.lower().startswith(_FORM):
            return [], ""
        texts, problem = see_text(call)
        if problem or not texts:
            return [], problem
        pairs = query_pairs(texts[0])
        if pairs is None:
            return [], UNSEEN
        return [
            unquote_plus(text)
            for key, text in pairs
            if key == name or (any_case and key.lower() == wanted)
        ], ""

    return see


def see_parts(call: Call) -> Seen:
    """The parts of a body; none of a body of another type."""
    media = call.exchange.request_headers.get("content-type", "")
    if media and not media.lower().startswith("multipart/"):
        return [], ""
    if call.exchange.redacted:
        return [], UNSEEN
    raw, problem = call.request.raw()
    if problem:
        return [], "" if problem == EMPTY else problem
    parts = parts_of(raw, MULTIPART)
    return ([], UNSEEN) if parts is None else (list(parts), "")


def see_method(call: Call) -> Seen:
    """The method."""
    return [call.exchange.method.upper()], ""


def see_text(call: Call) -> Seen:
    """The request's body as text."""
    if call.exchange.redacted:
        return [], UNSEEN
    raw, problem = call.request.raw()
    if problem == EMPTY:
        return [], ""
    if problem:
        return [], problem
    return [raw if isinstance(raw, str) else raw.decode("utf-8", "replace")], ""


def see_json(call: Call) -> Seen:
    """The request's body, decoded."""
    if call.exchange.redacted:
        return [], UNSEEN
    problem = call.request.problem
    if problem in (EMPTY, "not_json"):
        return [], ""
    return ([], problem) if problem else ([call.request.value], "")
