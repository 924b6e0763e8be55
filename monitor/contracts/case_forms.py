"""A case in the form that is asked for."""

import json
from collections.abc import Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import urlencode

from monitor.contracts.asserted import asserted
from monitor.contracts.case_documents import openapi_of
from monitor.contracts.case_pacts import pact_of
from monitor.contracts.cases import JSON, LACKS, Case, CaseForm, json_of, lacking, text_of
from monitor.errors import UsageError
from monitor.model.printable import printable


def written(case: Case, form: CaseForm) -> str:
    """The case in a form. Pact, OpenAPI and HTTP show what must be answered, and fail while it is
    not; WireMock answers as the provider does now, so that a consumer can be tried against it.
    UsageError, with the code, for a form that it cannot have.
    """
    lack = lacking(case, form)
    if lack is not None:
        raise UsageError(f"no {form} of {case.title[:120]} ({lack}): {LACKS[lack]}")
    writers: Mapping[CaseForm, Callable[[Case], str]] = {
        "pact": pact_of,
        "openapi-example": openapi_of,
        "wiremock": _wiremock,
        "junit": _junit,
        "http": _http,
    }
    return writers[form](case)


def _wiremock(case: Case) -> str:
    request: dict[str, Any] = {"method": case.method}
    if "{" in case.route:
        request["urlPathTemplate"] = case.route
    else:
        request["urlPath"] = case.route
    response: dict[str, Any] = {"status": case.status}
    if case.live is not None:
        response |= {"headers": {"Content-Type": case.media or JSON}, "jsonBody": case.live}
    return json_of(
        {
            "name": f"{case.title} ({case.id})",
            "request": request,
            "response": response,
            "metadata": {"seamwatch": {"id": case.id, "why": case.why}},
        }
    )


def _junit(case: Case) -> str:
    message, title = escape(printable(case.why)), escape(printable(case.title))
    contract = escape(printable(case.told.contract)) if case.told else "uncovered"
    provider = escape(printable(case.provider))
    broken = case.told is not None
    inside = (
        f'<failure type="violation" message="{message}"/>'
        if broken
        else f'<skipped message="{message}"/>'
    )
    counts = f'tests="1" failures="{int(broken)}" errors="0"'
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<testsuites {counts}>\n"
        f' <testsuite name="{provider}" {counts} skipped="{int(not broken)}">\n'
        f'  <testcase classname="{contract}" name="{title} ({case.id})" time="0">{inside}</testcase>\n'
        " </testsuite>\n</testsuites>\n"
    )


def _http(case: Case) -> str:
    """An HTTP file as editors run them, with its checks."""
    query = (
        f"?{urlencode({name: text_of(value) for name, value in case.query.items()})}"
        if case.query
        else ""
    )
    lines = [f"### {_line(case.title)} ({case.id})", f"# {_line(case.why)}"]
    lines += [f"{case.method} {{{{host}}}}{case.path}{query}", f"Accept: {case.media or JSON}"]
    if case.request is not None:
        media = case.request_media or JSON
        lines += [f"Content-Type: {media}", "", json.dumps(case.request, indent=2)]
    lines += ["", "> {%", f"client.test({json.dumps(case.title)}, () => {{"]
    lines.append(f"  client.assert(response.status === {case.status});")
    if case.told is not None and case.told.side == "response" and case.answer is not None:
        broken = case.told
        lines += asserted(case.answer, broken.rule, broken.pointer, broken.expected)
    return "\n".join([*lines, "});", "%}", ""])


def _line(text: str) -> str:
    return " ".join(text.split())
