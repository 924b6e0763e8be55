"""HAR 1.2, what a browser or a proxy recorded: a whole document, or one entry.

http://www.softwareishard.com/blog/har-12-spec/; the W3C's draft of it has the same fields.
"""

import base64
import binascii
from typing import Any
from urllib.parse import urlencode

from monitor.decode.api_logs import fields
from monitor.decode.api_logs.making import Place, make
from monitor.model.exchanges import Body, Exchange

Entry = dict[str, Any]
_UNANSWERED = -1
"""What Playwright writes where no answer came; others write 0."""
_NO_WEB = ("data:", "blob:", "about:", "chrome-extension:", "file:", "ws:", "wss:")


def is_har(entry: Entry) -> bool:
    """Whether a JSON object is a HAR document."""
    log = entry.get("log")
    return isinstance(log, dict) and isinstance(log.get("entries"), list)


def har_entries(entry: Entry) -> list[object]:
    """The entries of a document in its order; what no server answered (data: and the like) is left
    out.
    """
    return [call for call in entry["log"]["entries"] if not _is_local(call)]


def har_exchange(entry: Entry, place: Place, index: int) -> Exchange:
    """One entry, seen by the client. `startedDateTime` and `time` (ms) give the end; status 0 is
    no answer. Raises Refused.
    """
    request, response = _dict(entry.get("request")), _dict(entry.get("response"))
    content = _dict(response.get("content"))
    start = fields.time_ns(entry.get("startedDateTime"), place.record_ms)
    taken = entry.get("time")
    duration = fields.duration_ns(
        taken if not isinstance(taken, int | float) or taken >= 0 else None, 1e6
    )
    answered = _body(content)
    size = content.get("size")
    return make(
        place,
        index,
        end_ns=start + (duration or 0),
        duration_ns=duration,
        method=request.get("method"),
        target=request.get("url"),
        status=0 if response.get("status") == _UNANSWERED else response.get("status"),
        query_known=True,
        side="client",
        plaintext=fields.is_plaintext(request.get("url")),
        request_headers=_headers(request, "postData"),
        response_headers=_headers(response, "content"),
        request_body=_posted(_dict(request.get("postData"))),
        response_body=answered,
        response_truncated=isinstance(answered, str)
        and isinstance(size, int)
        and len(answered) < size
        and len(answered.encode("utf-8", "replace")) < size,
    )


def _headers(part: Entry, body: str) -> dict[str, str]:
    """The headers; the body's media type where the recording left the header out."""
    headers = fields.headers_of(part.get("headers"))
    if "content-type" not in headers:
        content = _dict(part.get(body))
        media_type = content.get("mimeType")
        if (
            isinstance(media_type, str)
            and media_type
            and (content.get("text") or content.get("params"))
        ):
            headers["content-type"] = media_type
    return headers


def _body(content: Entry) -> Body:
    """The text of a body, decoded where the recording says base64; None where it holds none.
    Raises Refused.
    """
    text = content.get("text")
    if not isinstance(text, str) or not text:
        return None
    if str(content.get("encoding") or "").lower() != "base64":
        return text
    try:
        return base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        raise fields.Refused("bad_body") from None


def _posted(content: Entry) -> Body:
    """The body of a request; a form of which only the fields are told is written again. Not where
    a field may be encoded already, which some recorders do.
    """
    body = _body(content)
    params = content.get("params")
    media = content.get("mimeType")
    if body is not None or not isinstance(params, list) or not isinstance(media, str):
        return body
    pairs: list[tuple[Any, Any]] = [
        (param.get("name"), param.get("value")) for param in map(_dict, params)
    ]
    plain = all(
        isinstance(text, str) and "%" not in text and "+" not in text
        for pair in pairs
        for text in pair
    )
    is_form = media.lower().startswith("application/x-www-form-urlencoded")
    return urlencode(pairs) if pairs and plain and is_form else None


def _is_local(entry: object) -> bool:
    url = _dict(_dict(entry).get("request")).get("url")
    return isinstance(url, str) and url[:20].lower().startswith(_NO_WEB)


def _dict(value: Any) -> Entry:
    return value if isinstance(value, dict) else {}
