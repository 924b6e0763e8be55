"""Any JSON log by a mapping from settings: field of the plain form to JSON pointer, or `=text` for
a constant.
"""

from collections.abc import Callable, Mapping
from typing import Any

from monitor.decode.api_logs.making import Place
from monitor.decode.api_logs.ndjson import ndjson_exchange
from monitor.errors import ConfigError
from monitor.model.exchanges import Exchange
from monitor.model.pointers import unescaped

Entry = dict[str, Any]
_NEEDED = (("time",), ("method",), ("path", "url"))
_FIELDS = frozenset(
    (
        "time method path url route query status duration_ms duration_s duration_us duration_ns request_headers request_body response_headers "
        "response_body caller caller_version caller_namespace callee callee_version callee_namespace environment trace_id span_id side request_truncated "
        "response_truncated redacted request_body_encoding response_body_encoding headers_whole proxy_answer response_flags "
        "response_code_details upstream_status upstream_header_time"
    ).split()
)
_UNITS_MS = {"duration_s": 1e3, "duration_us": 1e-3, "duration_ns": 1e-6}


def mapped_exchange(mapping: Mapping[str, str]) -> Callable[[Entry, Place, int], Exchange]:
    """A decoder by this mapping. Raises ConfigError for an unknown field, no pointer, or a needed
    field left out.
    """
    unknown = sorted(mapping.keys() - _FIELDS)
    if unknown:
        raise ConfigError(
            f"api_logs mapping: the field {unknown[0]!r} is unknown; the fields are {', '.join(sorted(_FIELDS))}"
        )
    for either in _NEEDED:
        if not any(name in mapping for name in either):
            raise ConfigError(
                f"api_logs mapping: {' or '.join(either)} is missing; give its JSON pointer, such as /{either[0]}"
            )
    constants: Entry = {}
    pointers: list[tuple[str, list[str], float | None]] = []
    for name, where in mapping.items():
        if where.startswith("="):
            constants[name] = where[1:]
        elif where.startswith("/"):
            parts = [unescaped(part) for part in where[1:].split("/")]
            unit = _UNITS_MS.get(name)
            pointers.append(("duration_ms" if unit else name, parts, unit))
        else:
            raise ConfigError(
                f"api_logs mapping: {name} = {where!r} is neither a JSON pointer (/a/b) nor a constant (=text)"
            )

    def read(entry: Entry, place: Place, index: int) -> Exchange:
        plain = dict(constants)
        for name, parts, unit in pointers:
            value = _at(entry, parts)
            if value is not None:
                plain[name] = _scaled(value, unit) if unit else value
        return ndjson_exchange(plain, place, index)

    return read


def _at(entry: Any, parts: list[str]) -> Any:
    for part in parts:
        if isinstance(entry, dict):
            entry = entry.get(part)
        elif isinstance(entry, list) and part.isdecimal() and int(part) < len(entry):
            entry = entry[int(part)]
        else:
            return None
    return entry


def _scaled(value: Any, unit: float) -> Any:
    try:
        return float(value) * unit
    except (TypeError, ValueError, OverflowError):
        return value
