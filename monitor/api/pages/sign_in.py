"""Signing in with a token: the browser keeps the number of a session, which scripts and other
sites' pages cannot use.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Query, Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from monitor.api.access import COOKIE, is_secure, parts_of, same_origin, session_secret, sign_in
from monitor.api.faults import ApiError
from monitor.api.strict import StrictRoute
from monitor.api.templating import local_path, render
from monitor.control.sessions import SESSION_LENGTH, end_session

router = APIRouter(include_in_schema=False, route_class=StrictRoute)
LONGEST = 8000


@router.get("/sign-in")
def sign_in_page(
    request: Request, back_to: Annotated[str, Query(alias="next", max_length=LONGEST)] = "/"
) -> HTMLResponse:
    """The form. Afterwards it leads to `next`, a path of ours."""
    return render(request, "sign_in.html", {"wrong": False, "next": local_path(back_to)})


@router.post("/sign-in")
def sign_in_form(
    request: Request,
    token: Annotated[str, Form(max_length=500)],
    back_to: Annotated[str, Form(alias="next", max_length=LONGEST)] = "/",
) -> Response:
    """Begin a session of twelve hours when the token is good, and go where the person
    wanted to.
    """
    _from_our_page(request)
    there = local_path(back_to)
    secret = sign_in(request, token.strip())
    if secret is None:
        return render(request, "sign_in.html", {"wrong": True, "next": there}, 401)
    answer = RedirectResponse(there, 303)
    # Lax: the link in an alert, clicked on another site, opens the page. What changes anything
    # asks for our own origin besides.
    seconds = int(SESSION_LENGTH.total_seconds())
    answer.set_cookie(
        COOKIE, secret, max_age=seconds, httponly=True, samesite="lax", secure=is_secure(request)
    )
    return answer


@router.post("/sign-out")
def sign_out(request: Request) -> Response:
    """End the session, here and in the store."""
    _from_our_page(request)
    if secret := session_secret(request):
        end_session(parts_of(request).engine, secret)
    answer = RedirectResponse("/", 303)
    answer.delete_cookie(COOKIE, httponly=True, samesite="lax", secure=is_secure(request))
    return answer


def _from_our_page(request: Request) -> None:
    if not same_origin(request):
        raise ApiError(
            403,
            "the request comes from another site",
            "Origin header",
            "open the page itself and try again",
        )
