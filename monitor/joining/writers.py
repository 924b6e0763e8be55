"""The schemas that records were written by: from a folder, or from a registry that the settings
name; never from an address in a record.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import httpx
import structlog

from monitor.clock import monotonic_seconds
from monitor.contracts.framing import REGISTRY_FAILED, UNKNOWN_SCHEMA, SchemaKey, Writer

log = structlog.get_logger(__name__)

_KINDS: dict[str, Literal["avro", "protobuf", "jsonschema"]] = {
    "AVRO": "avro",
    "PROTOBUF": "protobuf",
    "JSON": "jsonschema",
}
_SUFFIXES: dict[str, Literal["avro", "protobuf", "jsonschema"]] = {
    ".avsc": "avro",
    ".proto": "protobuf",
    ".json": "jsonschema",
}
_MOST_BYTES = 4_000_000
_MOST_REFERENCES = 50
_MOST_KEPT = 10_000
AGAIN_SECONDS = 60.0
"""So long what was not found, or a registry that failed, is not asked for again."""


class SchemaRegistry:
    """Confluent's API, read only: `/schemas/ids/{id}`, `/schemas/guids/{guid}`, and the subjects
    that schemas refer to.

    https://docs.confluent.io/platform/current/schema-registry/develop/api.html. An answer has
    `seconds` and 4 MB. No redirect is followed, so that nobody but the registry of the settings is
    ever asked.
    """

    def __init__(
        self, url: str, username: str = "", password: str = "", *, seconds: float = 5.0
    ) -> None:
        self._url = url.rstrip("/")
        self._login = httpx.BasicAuth(username, password) if username else None
        self._seconds = seconds
        self._client: httpx.Client | None = None

    def schema(self, key: SchemaKey) -> Writer | str:
        """The schema of a key; UNKNOWN_SCHEMA when the registry does not know it, REGISTRY_FAILED
        when it does not say.
        """
        try:
            entry = self._get(
                f"/schemas/ids/{key}" if isinstance(key, int) else f"/schemas/guids/{key}"
            )
            if entry is None:
                return UNKNOWN_SCHEMA
            references: dict[str, str] = {}
            self._referred(entry, references)
            return Writer(
                _KINDS[entry.get("schemaType", "AVRO")], str(entry["schema"]), references
            )
        except (httpx.HTTPError, ValueError, KeyError, TypeError, RecursionError) as error:
            log.warning(
                "the schema registry did not tell a schema",
                schema=str(key),
                reason=f"{type(error).__name__}: {error}"[:200],
            )
            return REGISTRY_FAILED

    def _referred(self, schema: dict[str, Any], schemas: dict[str, str]) -> None:
        """What a schema refers to, what those refer to first."""
        for reference in schema.get("references") or ():
            name = str(reference["name"])
            if name in schemas:
                continue
            if len(schemas) >= _MOST_REFERENCES:
                raise ValueError(f"more than {_MOST_REFERENCES} references")
            schemas[name] = ""
            subject, version = (
                httpx.URL(path=f"/{reference['subject']}").raw_path.decode(),
                int(reference["version"]),
            )
            behind = self._get(f"/subjects/{subject[1:].replace('/', '%2F')}/versions/{version}")
            if behind is None:
                raise ValueError("a reference that the registry does not know")
            self._referred(behind, schemas)
            del schemas[name]
            schemas[name] = str(behind["schema"])

    def _get(self, path: str) -> dict[str, Any] | None:
        if self._client is None:
            self._client = httpx.Client(
                timeout=self._seconds, follow_redirects=False, trust_env=False
            )
        with self._client.stream(
            "GET", self._url + path, auth=self._login, headers={"accept": "application/json"}
        ) as answer:
            if answer.status_code == httpx.codes.NOT_FOUND:
                return None
            if answer.status_code != httpx.codes.OK:
                raise ValueError(f"the answer is {answer.status_code}")
            body = b""
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise ValueError(f"the answer is larger than {_MOST_BYTES} bytes")
        document = httpx.Response(200, content=body).json()
        if not isinstance(document, dict):
            raise TypeError("the answer is no object")
        return document


class Schemas:
    """Called with a key, the schema, or why it is not known. Safe between threads; what was found
    is kept.
    """

    def __init__(
        self,
        folder: Path | None,
        registry: SchemaRegistry | None,
        *,
        seconds: Callable[[], float] = monotonic_seconds,
    ) -> None:
        self._folder, self._registry, self._seconds = folder, registry, seconds
        self._lock = threading.Lock()
        self._known: OrderedDict[SchemaKey, tuple[Writer | str, float]] = OrderedDict()
        self._failed_at: float | None = None

    def __call__(self, key: SchemaKey) -> Writer | str:
        """A key that is not known is asked for again after a minute; so is a registry that failed,
        which holds up one record a minute.
        """
        with self._lock:
            now = self._seconds()
            held = self._known.get(key)
            if held is not None and (isinstance(held[0], Writer) or now - held[1] < AGAIN_SECONDS):
                return held[0]
            if self._failed_at is not None and now - self._failed_at < AGAIN_SECONDS:
                return self._in_folder(key) or REGISTRY_FAILED
            writer = self._in_folder(key) or (
                self._registry.schema(key) if self._registry is not None else UNKNOWN_SCHEMA
            )
            self._failed_at = now if writer == REGISTRY_FAILED else None
            if len(self._known) >= _MOST_KEPT:
                self._known.popitem(last=False)
            self._known[key] = (writer, now)
            return writer

    def _in_folder(self, key: SchemaKey) -> Writer | None:
        if self._folder is None:
            return None
        for suffix, kind in _SUFFIXES.items():
            try:
                with (self._folder / f"{key}{suffix}").open("rb") as file:
                    text = file.read(_MOST_BYTES + 1)
                if len(text) <= _MOST_BYTES:
                    return Writer(kind, text.decode())
            except (OSError, UnicodeDecodeError):
                continue
        return None
