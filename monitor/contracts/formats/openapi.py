"""OpenAPI 3.0, 3.1 and 3.2 into the intermediate form. https://spec.openapis.org/oas/"""

import re
from collections.abc import Iterator, Mapping
from typing import Any

from monitor.contracts.circles import too_much_work
from monitor.contracts.compiling import Draft
from monitor.contracts.form import Body, Operation, Parameter, ParameterPlace, Promise, Style
from monitor.contracts.formats.dialect import Dialect, Side
from monitor.contracts.formats.jsonschema import DRAFTS as _DRAFTS
from monitor.contracts.formats.jsonschema import MAY_BE_TEXT
from monitor.contracts.formats.misplaced import refuse_misplaced
from monitor.contracts.formats.official import Version
from monitor.contracts.formats.parents import without_choices_of_parents
from monitor.contracts.formats.reading import Readings
from monitor.contracts.formats.security import credentials_of
from monitor.contracts.formats.servers import bases_of
from monitor.contracts.formats.sunset import sunset_of
from monitor.contracts.formats.timing import timing_of
from monitor.contracts.formats.twins import Twins
from monitor.contracts.forms import is_form
from monitor.contracts.identified import grounded
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.looks import Look, look_at
from monitor.contracts.payloads import is_json_type
from monitor.contracts.plain_texts import is_text
from monitor.contracts.readings import ANYTHING
from monitor.contracts.refs import follow, survey
from monitor.contracts.routes import Base, Router
from monitor.contracts.schemas import OPENAPI_FORMATS, Schemas
from monitor.contracts.work import allowed_depth
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace", "query")
_VERSION = re.compile(r"3\.([012])(?:\.\d+)?(?:-.*)?")
_STATUS = re.compile(r"[1-5](?:\d\d|[xX]{2})")
_PLACES = ("path", "query", "header", "cookie", "querystring")
STATUSES = "x-seamwatch-statuses"
"""At an operation or at the document's root. With the value `complete`: every status is listed,
another one is a violation. `partial`: there may be others of success, too, and no other is one.
"""
OPERATIONS = "x-seamwatch-operations"
"""At the document's root, with the value `partial`: the provider has other operations, too, and
calls of these are no violation.
"""
MAY_BE_EMPTY = "x-seamwatch-may-be-empty"
"""At a response, with the value true: its body may be missing, which OpenAPI has no word for."""
STYLES: Mapping[ParameterPlace, tuple[Style, ...]] = {
    "path": ("simple", "label", "matrix"),
    "query": ("form", "spaceDelimited", "pipeDelimited", "deepObject"),
    "header": ("simple",),
    "cookie": ("form", "cookie"),
    "querystring": ("form",),
}
# Parameters with these names are described elsewhere (OpenAPI, parameter object) and never kept in
# clear.
IGNORED_HEADERS = frozenset({"accept", "content-type", "authorization"})


def read_openapi(
    document: dict[str, Any],
    *,
    where: str,
    lenient_nullable: bool = True,
    limits: ContractLimits = CONTRACT_LIMITS,
) -> Promise:
    """The promise that an OpenAPI document makes. Schemas compile when first used; `compile_all`
    does it at once.

    Raises ContractError, saying where, for another version, a remote `$ref`, a dangling one or an
    exceeded budget.
    """
    match = _VERSION.fullmatch(str(document.get("openapi", "")))
    if match is None:
        version = str(document.get("openapi") or document.get("swagger") or "nothing")[:20]
        advice = "; convert it to OpenAPI 3 and publish that" if "swagger" in document else ""
        raise ContractError(
            f"{where}: the version is {version!r}; OpenAPI 3.0, 3.1 and 3.2 are read{advice}"
        )
    old = match.group(1) == "0"
    look, written = look_at(document), document
    document = document if old else grounded(document, look.words)
    document = without_choices_of_parents(document)
    look = look if document is written else look_at(document)
    survey(document, where, limits, look=look)
    refuse_misplaced(document, where)
    return _Reader(document, look, where, old, lenient_nullable, limits).promise()


def version_of(document: dict[str, Any]) -> Version:
    """The version of a document that has been read."""
    text = str(document.get("openapi", ""))
    return "3.0" if text.startswith("3.0") else "3.1" if text.startswith("3.1") else "3.2"


class _Reader:
    def __init__(
        self,
        document: dict[str, Any],
        look: Look,
        where: str,
        old: bool,
        lenient: bool,
        limits: ContractLimits,
    ) -> None:
        self._document = document
        self._words = look.words
        self._readings = Readings(document)
        self._where = where
        self._limits = limits
        self._behind: dict[str, tuple[Any, str]] = {}  # by reference
        self._bodies: dict[tuple[str, Side], Body] = {}
        self._shared: dict[tuple[str, str, ParameterPlace, Side], Parameter] = {}
        draft: Draft = (
            "4"
            if old
            else _DRAFTS.get(str(document.get("jsonSchemaDialect", "")).rstrip("#"), "2020-12")
        )
        formats = OPENAPI_FORMATS if old else {}
        sides: tuple[Side, Side] = ("request", "response")
        dialects = {
            side: Dialect(document, side, lenient=lenient, words=look.words) for side in sides
        }
        answers = dialects["response"].rewritten()
        # Where nothing travels one way there is one compiled form for both.
        asks = (
            dialects["request"].rewritten()
            if any(dialect.one_sided for dialect in dialects.values())
            else answers
        )
        self._sides: dict[Side, dict[str, Any]] = {"request": asks, "response": answers}
        of_answers = Schemas(
            answers, draft, where=where, formats=formats, limits=limits, look=look
        )
        of_asks = (
            of_answers
            if asks is answers
            else Schemas(asks, draft, where=where, formats=formats, limits=limits, look=look)
        )
        self._schemas = {"request": of_asks, "response": of_answers}

    def promise(self) -> Promise:
        router: Router[Operation] = Router()
        twins = Twins()
        for count, (method, route, operation, bases) in enumerate(self._operations(), 1):
            if count > self._limits.operations:
                raise ContractError(
                    f"{self._where}: more than {self._limits.operations} operations; split the contract"
                )
            router.add(method, route, twins.told(operation), bases, operation.spanning)
        depths = {
            side: allowed_depth(form, self._limits.work) for side, form in self._distinct_sides()
        }
        for side, depth in depths.items():
            if depth < 1:
                raise too_much_work(
                    self._document, self._where, self._limits, f"on the {side} side "
                )
        return Promise(
            router,
            whole=self._document.get(OPERATIONS) != "partial",
            depth=min(depths.values()),
            left=twins.left,
            timing=timing_of(self._document, self._where, self._words),
        )

    def _distinct_sides(self) -> Iterator[tuple[Side, dict[str, Any]]]:
        yield "response", self._sides["response"]
        if self._sides["request"] is not self._sides["response"]:
            yield "request", self._sides["request"]

    def _operations(self) -> Iterator[tuple[str, str, Operation, list[Base]]]:
        """Servers of an operation replace those of its path, and these replace those of the
        document.
        """
        paths = self._document.get("paths", {})
        everywhere = list(bases_of(self._document))
        if not isinstance(paths, dict):
            raise ContractError(f"{self._where}: `paths` is no object", "/paths")
        for route, item in paths.items():
            if route.startswith("x-"):
                continue
            if not route.startswith("/"):
                raise ContractError(
                    f"{self._where}: the path {route[:120]!r} does not begin with /",
                    f"/paths/{escaped(route)}",
                )
            held, pointer = self._at(item, f"/paths/{escaped(route)}", "path item")
            here = list(bases_of(held)) if held.get("servers") else everywhere
            shared = self._parameters(held, pointer)
            more = held.get("additionalOperations")  # OpenAPI 3.2
            named = [(word, held[word], f"{pointer}/{word}") for word in _METHODS if word in held]
            if isinstance(more, dict):
                named += [
                    (word, entry, f"{pointer}/additionalOperations/{escaped(word)}")
                    for word, entry in more.items()
                ]
            for word, entry, clause in named:
                if not isinstance(entry, dict):
                    raise ContractError(f"{self._where}: {clause} is no object", clause)
                bases = list(bases_of(entry)) if entry.get("servers") else here
                yield (
                    word.upper(),
                    route,
                    self._operation(word.upper(), route, entry, clause, shared),
                    bases,
                )

    def _operation(
        self,
        method: str,
        route: str,
        entry: dict[str, Any],
        clause: str,
        shared: dict[tuple[str, str], Parameter],
    ) -> Operation:
        parameters = shared | self._parameters(entry, clause)
        request = None
        if "requestBody" in entry:
            held, pointer = self._at(entry["requestBody"], f"{clause}/requestBody", "request body")
            request = self._body(held, pointer, "request")
        responses: dict[str, Body] = {}
        for status, answer in self._object(
            entry.get("responses") or {}, f"{clause}/responses"
        ).items():
            if status.startswith("x-"):
                continue
            if status != "default" and not _STATUS.fullmatch(status):
                raise ContractError(
                    f"{self._where}: {clause}/responses/{status[:20]} is neither a status, a range nor `default`",
                    f"{clause}/responses/{status}",
                )
            held, pointer = self._at(answer, f"{clause}/responses/{status}", "response")
            responses[status if status == "default" else status.upper()] = self._body(
                held, pointer, "response"
            )
        listed = (entry if STATUSES in entry else self._document).get(STATUSES)
        return Operation(
            method,
            route,
            tuple(parameters.values()),
            request,
            responses,
            clause,
            whole=listed == "complete",
            partial=listed == "partial",
            security=credentials_of(self._document, entry),
            deprecated=entry.get("deprecated") is True,
            sunset_ns=sunset_of(entry.get("x-sunset")),
        )

    def _body(self, held: dict[str, Any], pointer: str, side: Side) -> Body:
        """A body; one that several operations refer to is read once."""
        key = (pointer, side)
        if key not in self._bodies:
            self._bodies[key] = self._content(held, pointer, side)
        return self._bodies[key]

    def _content(self, held: dict[str, Any], pointer: str, side: Side) -> Body:
        media, forms, plain = {}, {}, {}
        texts = set[str]()
        for name, entry in self._object(held.get("content") or {}, f"{pointer}/content").items():
            described, place = self._at(entry, f"{pointer}/content/{escaped(name)}", "media type")
            word = (
                "itemSchema"
                if "schema" not in described and not is_json_type(name.strip().lower())
                else "schema"
            )
            schema = (
                self._schemas[side].lazily(f"{place}/{word}")
                if isinstance(described.get(word), dict | bool)
                else None
            )
            media[name.strip().lower()] = schema
            if described.get(MAY_BE_TEXT) is True:
                texts.add(name.strip().lower())
            if schema is not None and word == "schema" and is_form(name.lower()):
                forms[name.strip().lower()] = self._readings.form(described)
            if schema is not None and word == "schema" and is_text(name.strip().lower()):
                reading = self._readings.scalar(described["schema"])
                if reading is not None:
                    plain[name.strip().lower()] = reading
        asked = side == "request"
        required = held.get("required") is True if asked else held.get(MAY_BE_EMPTY) is not True
        headers = self._headers(held, pointer)
        return Body(required, media, pointer, headers, forms, frozenset(texts), plain)

    def _headers(self, held: dict[str, Any], pointer: str) -> tuple[Parameter, ...]:
        """The headers of a response; a Content-Type among them is described elsewhere."""
        named = held.get("headers")
        headers = []
        for name, entry in named.items() if isinstance(named, dict) else ():
            described, clause = self._at(entry, f"{pointer}/headers/{escaped(name)}", "header")
            if name.lower() != "content-type" and not name.startswith("x-seamwatch-"):
                headers.append(
                    self._described(name.lower(), "header", described, clause, "response")
                )
        return tuple(headers)

    def _parameters(self, owner: dict[str, Any], pointer: str) -> dict[tuple[str, str], Parameter]:
        parameters: dict[tuple[str, str], Parameter] = {}
        entries = owner.get("parameters") or []
        if not isinstance(entries, list):
            raise ContractError(
                f"{self._where}: {pointer}/parameters is no list", f"{pointer}/parameters"
            )
        for index, entry in enumerate(entries):
            parameter, clause = self._at(entry, f"{pointer}/parameters/{index}", "parameter")
            name, place = parameter.get("name"), parameter.get("in")
            if (
                not isinstance(name, str)
                or place not in _PLACES
                or (place == "header" and name.lower() in IGNORED_HEADERS)
            ):
                continue
            label = name.lower() if place == "header" else name
            parameters[(place, label)] = self._described(
                label, place, parameter, clause, "request"
            )
        return parameters

    def _described(
        self, name: str, place: ParameterPlace, held: dict[str, Any], clause: str, side: Side
    ) -> Parameter:
        """A parameter or a header; those that several operations refer to are read once."""
        key = (clause, name, place, side)
        if key not in self._shared:
            self._shared[key] = self._parameter(name, place, held, clause, side)
        return self._shared[key]

    def _parameter(
        self, name: str, place: ParameterPlace, held: dict[str, Any], clause: str, side: Side
    ) -> Parameter:
        schema, media, reading, pointer, inner = (
            None,
            "",
            ANYTHING,
            f"{clause}/schema",
            held.get("schema"),
        )
        if isinstance(held.get("content"), dict) and held["content"]:
            media, entry = next(iter(held["content"].items()))
            described, at = self._at(entry, f"{clause}/content/{escaped(media)}", "media type")
            media, pointer, inner = media.strip().lower(), f"{at}/schema", described.get("schema")
        if isinstance(inner, dict | bool):
            schema = self._schemas[side].lazily(pointer)
            reading = self._readings.of(inner)
        style = held.get("style")
        known_style: Style = (
            STYLES[place][0] if style is None else style if style in STYLES[place] else "other"
        )
        explode = held.get("explode")
        return Parameter(
            name,
            place,
            held.get("required") is True,
            schema,
            clause,
            reading,
            known_style,
            explode if isinstance(explode, bool) else known_style in ("form", "cookie"),
            media,
            held.get("allowEmptyValue") is True,
            place == "path" and held.get("x-multi-segment") is True,
        )

    def _at(self, node: Any, pointer: str, what: str) -> tuple[dict[str, Any], str]:
        reference = node.get("$ref") if isinstance(node, dict) else None
        if not isinstance(reference, str):
            target, place = node, pointer
        elif reference in self._behind:
            target, place = self._behind[reference]
        else:
            target, place = follow(self._document, node, pointer, self._where)
            self._behind[reference] = target, place
        if not isinstance(target, dict):
            raise ContractError(f"{self._where}: the {what} at {pointer} is no object", pointer)
        return target, place

    def _object(self, node: Any, pointer: str) -> dict[str, Any]:
        if not isinstance(node, dict):
            raise ContractError(f"{self._where}: {pointer} is no object", pointer)
        return node
