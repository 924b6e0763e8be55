"""Text masked at the source: what kind of text it was stays, the text does not."""

import re
from collections.abc import Iterable
from functools import lru_cache
from urllib.parse import quote, unquote_plus

REDACTED = "[redacted]"
_NUMBER = re.compile(r"-?\d{1,40}(?:\.\d{1,40})?")
_DOUBTFUL = re.compile(r"[-+]?(?:\d|\.\d|inf|nan|0x)[\w.+-]*", re.IGNORECASE)
_KEPT_HEADERS = frozenset(
    "content-type content-encoding content-length content-language transfer-encoding accept accept-encoding host traceparent "
    "grpc-status x-forwarded-proto deprecation sunset retry-after vary allow".split()
)
_KNOWN_WORDS = frozenset(
    "content-type contenttype traceparent ce_specversion ce_type ce_datacontenttype ce_dataschema __typeid__ __value_schema_id "
    "__key_schema_id".split()
)
_SECRET = re.compile(
    r"auth|cookie|token|secret|passw|api-?_?key|session|signature|credential|jwt|private",
    re.IGNORECASE,
)
_ID = re.compile(
    r"""
    .*\d{4}.* | [0-9a-f]{7,} | \d+                       # numbers of any kind, hashes
    | [0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}
    | (?=.*\d)[\w\-.~%+=:]{16,} | [A-Za-z]{1,6}[-_]?\d{3,}  # tokens, ord-123
    | .*(?:@|%40).* | .{41,} | .*[^\x21-\x7e].* | .*%[89A-Fa-f][0-9A-Fa-f].*  # addresses, long, not ASCII
    """,
    re.VERBOSE | re.IGNORECASE,
)
LONGEST_NAME = 64
"""A longer key of an object is somebody's data."""
_NAME = re.compile(r"[A-Za-z_$@:.\-#][A-Za-z0-9_$@:.\-#/\[\]+ ]{0,63}")
_DATA = re.compile(
    r".*\d{6}.*|[0-9a-f]{12,}|[0-9a-f]{8}-[0-9a-f-]{20,}|[^@]+@.+\..+|\S+ \S.*", re.IGNORECASE
)
_ADDRESSES = frozenset(
    "referer location content-location origin link refresh x-original-uri x-original-url x-rewrite-url x-forwarded-uri x-envoy-original-path".split()
)
_LOGIN = re.compile(r"//[^/?#@\s]*@")
_MOST_HEADERS = 100
_LONGEST = 2_048
_LONGEST_WORD = 256


def kind_mask(text: str) -> str:
    """What stands for a text of a query, a path, a header or a cookie; "" for none. It never names
    a kind that may be wrong.
    """
    if not text:
        return ""
    if text in ("true", "false"):
        return "[redacted boolean]"
    if _NUMBER.fullmatch(text):
        return "[redacted number]" if "." in text else "[redacted integer]"
    return REDACTED if _DOUBTFUL.fullmatch(text) else "[redacted text]"


def in_address(text: str) -> str:
    """The mask of a percent-encoded text, percent-encoded."""
    return _in_address(kind_mask(unquote_plus(text) if "%" in text or "+" in text else text))


@lru_cache(maxsize=16)
def _in_address(mask: str) -> str:
    return quote(mask, safe="")


def is_secret(name: str, words: tuple[str, ...] = ()) -> bool:
    """Whether what stands under this name is kept back also where values are captured; a very long
    one may hide anything.
    """
    return len(name) > _LONGEST_WORD or _is_secret(name, words)


@lru_cache(maxsize=8192)
def _is_secret(name: str, words: tuple[str, ...]) -> bool:
    lower = name.lower()
    return _SECRET.search(lower) is not None or any(word.lower() in lower for word in words)


def is_known_word(name: str) -> bool:
    """Whether a record's header of this lower-case name tells what kind of record it is, and
    nothing of what it holds.
    """
    return name in _KNOWN_WORDS


def is_data(key: str) -> bool:
    """Whether an object's key looks like somebody's data and not like a name: an id, an address, a
    sentence.
    """
    return len(key) > LONGEST_NAME or _is_data(key)


@lru_cache(maxsize=8192)
def _is_data(key: str) -> bool:
    return _NAME.fullmatch(key) is None or _DATA.fullmatch(key) is not None


def masked_path(path: str, route: str) -> str:
    """A path without values: the parts that `route` (with `{name}` in it) leaves open, without a
    route those that look like ids.
    """
    segments = path.split("/")
    pattern = route.strip("/").split("/") if route else []
    if (
        pattern
        and "*" not in route
        and len(pattern) <= len([segment for segment in segments if segment])
    ):
        at = len(segments) - len(pattern) - (1 if path.endswith("/") and path != "/" else 0)
        pairs = list(zip(segments[at:], pattern, strict=False))
        if at >= 0 and all("{" in asked or asked == given for given, asked in pairs):
            head = [_masked_segment(segment) for segment in segments[:at]]
            tail = segments[at + len(pattern) :]
            return "/".join(
                [
                    *head,
                    *(in_address(given) if "{" in asked else given for given, asked in pairs),
                    *tail,
                ]
            )
    return "/".join(map(_masked_segment, segments))


def _masked_segment(text: str) -> str:
    return in_address(text) if text and _ID.fullmatch(text) else text


def masked_query(query: str) -> str:
    """A query with its names, each with what kind of text its value was; none stays none."""
    parts = []
    for part in query.split("&")[:200]:
        name, equals, value = part.partition("=")
        shown = (
            quote(REDACTED, safe="")
            if name and is_data(unquote_plus(name).replace("[", "").replace("]", ""))
            else name
        )
        parts.append(f"{shown}={in_address(value)}" if equals else shown)
    return "&".join(parts)


def query_without_secrets(query: str, words: tuple[str, ...]) -> str:
    """A query with the values under secret names masked."""
    parts = (part.partition("=") for part in query.split("&"))
    return "&".join(
        f"{name}{mark}{in_address(value) if is_secret(unquote_plus(name), words) else value}"
        for name, mark, value in parts
    )


def _address_without_secrets(text: str, words: tuple[str, ...]) -> str:
    """An address in a header, as far as it is kept: without a login, and without what stands under
    secret names of its query.
    """
    where, mark, query = _LOGIN.sub(rf"//{REDACTED}@", text[:_LONGEST]).partition("?")
    query, hash_mark, fragment = query.partition("#")
    return f"{where}{mark}{query_without_secrets(query, words)}{hash_mark and f'#{in_address(fragment)}'}"


def headers(
    pairs: Iterable[tuple[str, str]], *, values: bool, words: tuple[str, ...]
) -> tuple[dict[str, str], bool]:
    """Headers by lower-case name, and whether these are all. Secrets are masked always, without
    `values` all but the harmless.
    """
    by_name: dict[str, str] = {}
    whole = True
    for raw, text in pairs:
        if len(by_name) >= _MOST_HEADERS:
            whole = False
            break
        name = raw.lower()[:200]
        if name == "cookie":
            value = _cookies(text)
        elif is_secret(name, words) and name != "www-authenticate":
            value = REDACTED
        else:
            if name in _ADDRESSES:
                text = _address_without_secrets(text, words)  # noqa: PLW2901 - what is kept of it
            value = text[:_LONGEST] if values or name in _KEPT_HEADERS else kind_mask(text)
        by_name[name] = (
            value if name not in by_name else _joined(by_name[name], value, values=values)
        )
    return by_name, whole


def _joined(before: str, more: str, *, values: bool) -> str:
    """One header sent twice. Of different masks nothing can be said any more."""
    if before == more:
        return before
    return (
        f"{before}, {more}"[:_LONGEST] if values and REDACTED not in (before, more) else REDACTED
    )


def _cookies(text: str) -> str:
    parts = (part.strip().partition("=") for part in text[:16_384].split(";"))
    return (
        "; ".join(f"{name}={kind_mask(value)}" for name, equals, value in parts if equals and name)
        or REDACTED
    )
