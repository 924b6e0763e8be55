"""The workbench: a contract's next revision, judged by documents and live traffic before it takes
effect; and approved by a person with the scope.
"""

from typing import Annotated

from fastapi import APIRouter, BackgroundTasks, File, Form, Query, Request, UploadFile
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.api.access import Opened, Publishing, Reading
from monitor.api.faults import ApiError
from monitor.api.parts import Parts
from monitor.api.routes.amendments import AmendmentBody, judge_amendment
from monitor.api.routes.contracts import ContractBody, publish, revision_of
from monitor.api.sharing import PageRoute
from monitor.api.templating import path, render
from monitor.contracts.amendment import WORST_FIRST
from monitor.control import contracts as registry
from monitor.model.contracts import Revision

router = APIRouter(include_in_schema=False, route_class=PageRoute)
MOST_EDITED = 400_000
"""A document of more characters is not put into the form to be edited: it is taken as a file."""
MOST_ROWS = 200
Contract = Annotated[str, Form(min_length=1, max_length=200)]
Hours = Annotated[int, Form(ge=1, le=720)]


@router.get("/workbench")
def workbench_page(
    request: Request,
    _caller: Reading,
    parts: Opened,
    contract: Annotated[str, Query(max_length=200)] = "",
) -> HTMLResponse:
    """The form, with the newest revision's document in it to be changed."""
    newest = revision_of(parts, contract, None) if contract else None
    document = newest.document if newest and len(newest.document) <= MOST_EDITED else ""
    return _render(request, parts, newest, document, {})


@router.post("/workbench")
def judge_form(
    request: Request,
    caller: Publishing,
    parts: Opened,
    contract: Contract,
    document: Annotated[str, Form()] = "",
    file: Annotated[UploadFile | None, File()] = None,
    hours: Hours = 168,
) -> HTMLResponse:
    """The same as POST /v1/amendments: a file where one was chosen, else the text."""
    text = _text_of(file) if file is not None and file.filename else _lines(document)
    if not text.strip():
        raise ApiError(422, "there is no document", "form", "choose a file, or write the text")
    newest = revision_of(parts, contract, None)
    body = AmendmentBody(
        document=text,
        name=newest.name,
        format=newest.format,
        provider=newest.provider,
        hours=hours,
    )
    judged = judge_amendment(caller, parts, body)
    judged.changes.sort(key=lambda change: WORST_FIRST.index(change.bearing))
    counts = {
        word: sum(1 for change in judged.changes if change.bearing == word) for word in WORST_FIRST
    }
    judgement = {"judged": judged, "counts": counts, "hours": hours, "most": MOST_ROWS}
    return _render(request, parts, newest, text, judgement)


@router.post("/workbench/approve")
def approve_form(
    caller: Publishing,
    parts: Opened,
    after: BackgroundTasks,
    contract: Contract,
    document: Annotated[str, Form(min_length=1, max_length=16_000_000)],
    environment: Annotated[str, Form(max_length=1000)] = "",
    effective_from: Annotated[str, Form(max_length=64)] = "",
    from_deploy: Annotated[str, Form(max_length=200)] = "",
) -> Response:
    """The same as POST /v1/contracts: the next revision, in force from that time or deploy on."""
    newest = revision_of(parts, contract, None)
    body = ContractBody(
        name=newest.name,
        format=newest.format,
        provider=newest.provider,
        provider_version=newest.provider_version,
        document=_lines(document),
        environment=environment.strip(),
        effective_from=effective_from.strip() or None,
        from_deploy=from_deploy.strip(),
    )
    published = publish(caller, parts, body, after)
    if published.outcome == "awaits":
        return RedirectResponse(path("contracts", published.name), 303)
    return RedirectResponse(
        f"{path('contracts', published.name)}?revision={published.number}", 303
    )


def _lines(text: str) -> str:
    # HTML: what is written into a form is sent with CR and LF at the end of each line
    return text.replace("\r\n", "\n")


def _text_of(file: UploadFile) -> str:
    try:
        return file.file.read().decode("utf-8-sig")
    except UnicodeDecodeError:
        raise ApiError(
            422, "the file is not UTF-8 text", "form", "save it as UTF-8 and choose it again"
        ) from None


def _render(
    request: Request,
    parts: Parts,
    newest: Revision | None,
    document: str,
    judgement: dict[str, object],
) -> HTMLResponse:
    names = [revision.name for revision in registry.listed(parts.engine, newest=True)]
    context: dict[str, object] = {
        "contracts": names, "contract": newest, "document": document, "judged": None, "hours": 168,
    }  # fmt: skip
    return render(request, "workbench.html", context | judgement)
