"""Values that nobody sent, each of a format that live texts had: they stand for these in examples.
Names and addresses are those that are kept for that (RFC 2606, RFC 5737).
"""

from collections.abc import Mapping

TEXT = "text"
_BY_FORMAT: Mapping[str, str] = {
    "date-time": "2000-01-01T00:00:00Z",
    "date": "2000-01-01",
    "uuid": "00000000-0000-4000-8000-000000000000",
    "email": "somebody@example.org",
    "uri": "https://example.org/",
    "ipv4": "192.0.2.1",
}


def made_text(form: str) -> str:
    """A text of a format; of none, or of another one, a plain word."""
    return _BY_FORMAT.get(form, TEXT)
