"""Signing in with a token: the browser keeps it in a cookie that scripts and other sites cannot use."""

from typing import Annotated

from fastapi import APIRouter, Form, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.api.access import COOKIE, holder_of, same_origin
from monitor.api.faults import ApiError
from monitor.api.templating import render

router = APIRouter(include_in_schema=False)
SECONDS = 12 * 3600


@router.get("/sign-in")
def sign_in_page(request: Request) -> HTMLResponse:
    """The form."""
    return render(request, "sign_in.html", {"wrong": False})


@router.post("/sign-in")
def sign_in(request: Request, token: Annotated[str, Form(max_length=500)]) -> Response:
    """Keep the token for twelve hours when it is good."""
    if not same_origin(request):
        raise ApiError(403, "the request comes from another site", "Origin header", "open the page itself and try again")
    secret = token.strip()
    if holder_of(request, secret) is None:
        return render(request, "sign_in.html", {"wrong": True}, 401)
    answer = RedirectResponse("/", 303)
    answer.set_cookie(COOKIE, secret, max_age=SECONDS, httponly=True, samesite="strict", secure=request.url.scheme == "https")
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """Forget the token."""
    if not same_origin(request):
        raise ApiError(403, "the request comes from another site", "Origin header", "open the page itself and try again")
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE)
    return answer
