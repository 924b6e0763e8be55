"""Schemas compiled by jsonschema-rs, offline, and their errors said without a value of the
payload.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Literal

import jsonschema_rs as engine

from monitor.contracts.broken import ROOT, Broken, folded
from monitor.contracts.identified import absolute, apart
from monitor.contracts.judged import Judged, judged
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.looks import Look, look_at
from monitor.contracts.loose import is_hidden, loosened
from monitor.contracts.proving import OPEN, Proof, Provers
from monitor.contracts.refs import resolve
from monitor.contracts.work import Cost
from monitor.errors import ContractError

Draft = Literal["4", "6", "7", "2019-09", "2020-12"]

_CLASSES: Mapping[Draft, type[engine.Validator]] = {
    "4": engine.Draft4Validator,
    "6": engine.Draft6Validator,
    "7": engine.Draft7Validator,
    "2019-09": engine.Draft201909Validator,
    "2020-12": engine.Draft202012Validator,
}
NUMBERS: Mapping[Draft, int] = {
    "4": engine.Draft4,
    "6": engine.Draft6,
    "7": engine.Draft7,
    "2019-09": engine.Draft201909,
    "2020-12": engine.Draft202012,
}
_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DURATION = re.compile(
    r"P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)"
)
_TRIED = 1_000
"""Of so many bodies a quarter has to be proven, or none is tried any more."""
# Formats that OpenAPI names and the older drafts do not know.
OPENAPI_FORMATS = {
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
}


class Schema:
    """One schema of a document, compiled with all others when first used. Its errors never quote
    the payload.
    """

    __slots__ = ("_number", "_proof", "_proven", "_schemas", "_tried", "pointer")

    def __init__(self, schemas: "Schemas", pointer: str, number: str) -> None:
        self._schemas = schemas
        self._number = number
        self._proof: Proof | None = self._first_proof
        self._tried = self._proven = 0
        self.pointer = pointer

    @property
    def written(self) -> tuple[Any, Any]:
        """The document that it stands in, and what stands there; None for a place that there is
        not.
        """
        return self._schemas.written_at(self.pointer)

    @property
    def draft(self) -> Draft:
        """The draft of JSON Schema that it is read by."""
        return self._schemas.draft

    def compiled(self) -> None:
        """Compile now. Raises ContractError when a schema of the document cannot be used."""
        _ = self._schemas.tight

    def apart(self) -> "Schemas":
        """The schemas of the same document once more, none named yet: what is asked of them
        changes nothing here.
        """
        return self._schemas.apart()

    def fits(self, instance: Any) -> bool:
        """Whether the payload keeps every clause. The hot path: stops at the first error."""
        schemas = self._schemas
        fits = schemas.fits or schemas.prepared()
        return fits({self._number: instance} if self._number else instance)

    def proves(self, body: str | bytes) -> int:
        """Whether a body surely keeps every clause, and has no key twice, told without decoding it
        (proving.py): OPEN, KEPT, FAULTLESS.

        What a schema's bodies seldom prove is not tried for ever.
        """
        proof = self._proof
        if proof is None:
            return OPEN
        proven = proof(body)
        self._tried += 1
        self._proven += proven != OPEN
        if self._tried == _TRIED:
            if self._proven < _TRIED // 4:
                self._proof = None
            self._tried = self._proven = 0
        return proven

    def _first_proof(self, body: str | bytes) -> int:
        provers = self._schemas.provers
        proof = self._proof = None if provers is None else provers.at(self.pointer)
        return OPEN if proof is None else proof(body)

    def broken(self, instance: Any, most: int) -> list[Broken]:
        """The broken clauses, folded by (rule, pointer), at most `most`. None though it does not
        fit: it hangs on a clause that cannot be judged.
        """
        held = {self._number: instance} if self._number else instance
        if self._schemas.harsh is not None and self._schemas.harsh.is_valid(held):
            return []
        return self._folded(self._schemas.tight, instance, most)

    def bears(self, instance: Any, most: int) -> bool:
        """Whether a payload asks for no more than `most` applications of schemas (work.py)."""
        return self._schemas.cost.within(self.pointer, instance, most)

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The pointers of the document's clauses that cannot be judged, such as a pattern that
        does not compile.
        """
        return self._schemas.unjudged

    def broken_in_shape(self, instance: Any, most: int) -> list[Broken]:
        """The same for a redacted payload: presence and types only; a mask stands for
        any scalar.
        """
        return self._folded(self._schemas.loose, instance, most, masks=True)

    def _folded(
        self, validator: engine.Validator, instance: Any, most: int, *, masks: bool = False
    ) -> list[Broken]:
        errors = validator.iter_errors({self._number: instance} if self._number else instance)
        kept = (error for error in errors if not is_hidden(error, words=masks))
        return folded(kept, self.pointer, most, 1 if self._number else 0)


class Schemas:
    """All schemas of one document, compiled into one validator, so that what they share is
    compiled and held once.

    A validator of its own for each operation of a vendor's densely linked document takes 50 ms and
    27 MB each; one for all 600 takes 70 ms and 32 MB. Each schema is a numbered property of the
    one validator's root, 0.6 us a check. `resources` are other documents by URI that a document as
    a whole (pointer "") may name; nothing else is ever fetched. `assert_formats` holds `format`
    against payloads in the drafts, too, that only annotate by it.
    """

    def __init__(
        self,
        document: Any,
        draft: Draft,
        *,
        where: str,
        formats: Mapping[str, Any] | None = None,
        resources: Mapping[str, Any] | None = None,
        assert_formats: bool = True,
        limits: ContractLimits = CONTRACT_LIMITS,
        look: Look | None = None,
    ) -> None:
        """`look`: the document's, or that of one which it was made of, where it was taken."""
        self._look = look_at(document) if look is None else look
        self._where = where
        self._class = _CLASSES[draft]
        self._patterns = engine.FancyRegexOptions(
            limits.regex_backtracks, limits.regex_bytes, limits.regex_bytes
        )
        self._formats = dict(formats or {})
        self._document = document
        self.draft: Draft = draft
        self._resources = dict(resources or {})
        self._assert_formats = assert_formats
        self._known: dict[str, Schema] = {}
        self._limits = limits
        self._judged: Judged | None = None
        self._cost: Cost | None = None
        self._provers: Provers | None = None
        self._stood: dict[str, str] = {}
        self._tight: engine.Validator | None = None
        self._harsh: engine.Validator | None = None
        self._loose: engine.Validator | None = None
        self.fits: Callable[[Any], bool] | None = None
        """What `prepared` gave, until another schema is named."""

    def prepared(self) -> Callable[[Any], bool]:
        """Whether the schemas' root keeps every clause, as a function. Raises ContractError when a
        schema cannot be used.
        """
        tight, harsh = self.tight, self.harsh
        if harsh is None:
            self.fits = tight.is_valid
        else:
            self.fits = lambda held: tight.is_valid(held) and harsh.is_valid(held)
        return self.fits

    def lazily(self, pointer: str) -> Schema:
        """The schema at a JSON pointer into the document. Name all before the first is used:
        another one means to compile again.
        """
        known = self._known.get(pointer)
        if known is None:
            self._tight = self._harsh = self._loose = self.fits = None
            known = self._known[pointer] = Schema(
                self, pointer, f"{len(self._known)}" if pointer else ""
            )
        return known

    def apart(self) -> "Schemas":
        """A copy with no schema named."""
        return Schemas(
            self._document, self.draft, where=self._where, formats=self._formats, resources=self._resources,
            assert_formats=self._assert_formats, limits=self._limits, look=self._look,
        )  # fmt: skip

    def written_at(self, pointer: str) -> tuple[Any, Any]:
        """The document, and what stands at a pointer into it; None where nothing does."""
        document = self._document
        try:
            return document, resolve(document, f"#{pointer}", self._where) if isinstance(
                document, dict
            ) else None
        except ContractError:
            return document, None

    def at(self, pointer: str) -> Schema | None:
        """The schema at a pointer, as `lazily` gives it; None where the document has
        none there.
        """
        try:
            node = (
                resolve(self._document, f"#{pointer}", self._where)
                if isinstance(self._document, dict)
                else None
            )
        except ContractError:
            return None
        return self.lazily(pointer) if isinstance(node, dict | bool) else None

    @property
    def tight(self) -> engine.Validator:
        """The validator of all schemas as written. Raises ContractError when one
        cannot be used.
        """
        if self._tight is None:
            self._tight = self._compiled(self._as_judged().kindly)
        return self._tight

    @property
    def cost(self) -> Cost:
        """What a payload asks for; made when one is deeper than every payload may be."""
        if self._cost is None:
            self._cost = Cost(self._document, self._limits.work)
        return self._cost

    @property
    def harsh(self) -> engine.Validator | None:
        """The same with the clauses that cannot be judged taken as broken; None when there are
        none.
        """
        if self._harsh is None and self._as_judged().harshly is not None:
            self._harsh = self._compiled(self._as_judged().harshly)
        return self._harsh

    @property
    def provers(self) -> Provers | None:
        """Proofs of the schemas as compiled; None where a clause cannot be judged, for then
        nothing is sure.
        """
        judged = self._as_judged()
        if self._provers is None and judged.harshly is None:
            self._provers = Provers(judged.kindly, self.draft, self._formats)
        return self._provers

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The pointers of the clauses that cannot be judged."""
        return self._as_judged().unjudged

    def _as_judged(self) -> Judged:
        if self._judged is None:
            self._judged = judged(self._document, self._limits, self._look)
        return self._judged

    @property
    def loose(self) -> engine.Validator:
        """The same for redacted payloads (loose.py)."""
        if self._loose is None:
            self._loose = self._compiled(loosened(self._as_judged().kindly))
        return self._loose

    def _compiled(self, document: Any) -> engine.Validator:
        pointers = list(self._known)
        registry: engine.Registry | None = None
        try:
            if "" not in self._known:
                document, resources, self._stood = apart(document, ROOT, self._look.words)
                registry = engine.Registry(
                    [(ROOT, document), *resources], draft=NUMBERS[self.draft]
                )
            return self._validator(document, registry, pointers)
        except (engine.ReferencingError, ValueError) as error:
            pointer = (
                ""
                if registry is None or not pointers
                else self._culprit(document, registry, pointers)
            )
            raise ContractError(
                f"{self._where}: the schema at {pointer or '/'} cannot be used: {_first_line(error)}",
                pointer,
            ) from None

    def _validator(
        self, document: Any, registry: engine.Registry | None, pointers: Sequence[str]
    ) -> engine.Validator:
        schema = document
        if registry is not None:
            named = {
                str(number): {"$ref": absolute(pointer, self._stood, ROOT)}
                for number, pointer in enumerate(pointers)
            }
            schema = {"properties": named}
        says_draft = registry is None and isinstance(schema, dict) and "$schema" in schema
        make = engine.validator_for if says_draft else self._class
        return make(
            schema,
            registry=registry,
            retriever=self._resource if self._resources else None,
            offline=not self._resources,
            validate_formats=self._assert_formats or None,
            formats=self._formats or None,
            pattern_options=self._patterns,
        )

    def _culprit(self, document: Any, registry: engine.Registry, pointers: list[str]) -> str:
        """The first schema that cannot be used, by halving."""
        while len(pointers) > 1:
            half = pointers[: len(pointers) // 2]
            try:
                self._validator(document, registry, half)
            except (engine.ReferencingError, ValueError):
                pointers = half
            else:
                pointers = pointers[len(half) :]
        return pointers[0]

    def _resource(self, uri: str) -> Any:
        """Only what was published with the contract; there is no network."""
        if uri not in self._resources:
            raise KeyError(uri)
        return self._resources[uri]


def _first_line(error: Exception) -> str:
    return str(error).split("\n", 1)[0][:300]
