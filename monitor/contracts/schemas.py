"""Schemas compiled by jsonschema-rs, offline, and their errors said without a value of the
payload.
"""

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cache
from typing import Any

import jsonschema_rs as engine

from monitor.contracts.broken import Broken, folded
from monitor.contracts.compiling import Compiler, Draft
from monitor.contracts.dear import Dear
from monitor.contracts.judged import Judged, judged, usable_patterns
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.looks import Look, look_at
from monitor.contracts.loose import is_hidden, loosened
from monitor.contracts.pieces import cut, is_cuttable
from monitor.contracts.proving import OPEN, Proof, Provers
from monitor.contracts.refs import resolve
from monitor.contracts.usable import unsure_of
from monitor.contracts.work import Cost
from monitor.errors import ContractError

_UUID = re.compile(r"[0-9a-fA-F]{8}-(?:[0-9a-fA-F]{4}-){3}[0-9a-fA-F]{12}")
_DURATION = re.compile(
    r"P(?!$)(?:\d+W|(?:\d+Y)?(?:\d+M)?(?:\d+D)?(?:T(?=\d)(?:\d+H)?(?:\d+M)?(?:\d+(?:\.\d+)?S)?)?)"
)
_TRIED = 1_000
"""Of so many bodies a quarter has to be proven, or none is tried any more."""
_OVERHEAD = 40
"""A validator of its own costs as much as so many objects, whatever it is of."""
# Formats that OpenAPI names and the older drafts do not know.
OPENAPI_FORMATS = {
    "uuid": lambda text: _UUID.fullmatch(text) is not None,
    "duration": lambda text: _DURATION.fullmatch(text) is not None,
}


class Ways:
    """Some schemas of a document compiled into one validator, each way when first asked for: as
    written, with what cannot be judged taken as broken, and for redacted payloads (loose.py).
    """

    __slots__ = ("_compiler", "_harsh", "_judged", "_loose", "_pointers", "_tight", "fits")

    def __init__(self, compiler: Compiler, held: Judged, pointers: Sequence[str]) -> None:
        self._compiler = compiler
        self._judged = held
        self._pointers = pointers
        self._tight: engine.Validator | None = None
        self._harsh: engine.Validator | None = None
        self._loose: engine.Validator | None = None
        self.fits: Callable[[Any], bool] = self._prepared
        """Whether a payload under each schema's number keeps every clause."""

    def _prepared(self, held: Any) -> bool:
        tight, harsh = self.tight, self.harsh
        if harsh is None:
            self.fits = tight.is_valid
        else:
            self.fits = lambda held: tight.is_valid(held) and harsh.is_valid(held)
        return self.fits(held)

    @property
    def tight(self) -> engine.Validator:
        """As written. Raises ContractError when a schema cannot be used, as the others do."""
        if self._tight is None:
            self._tight = self._compiler.validator(self._judged.kindly, self._pointers)
        return self._tight

    @property
    def harsh(self) -> engine.Validator | None:
        """None when every clause can be judged."""
        if self._harsh is None and self._judged.harshly is not None:
            self._harsh = self._compiler.validator(self._judged.harshly, self._pointers)
        return self._harsh

    @property
    def loose(self) -> engine.Validator:
        """Presence and types only."""
        if self._loose is None:
            self._loose = self._compiler.validator(loosened(self._judged.kindly), self._pointers)
        return self._loose


class Schema:
    """One schema of a document, compiled when first used, alone or with all others. Its errors
    never quote the payload.
    """

    __slots__ = ("_proof", "_proven", "_schemas", "_tried", "held", "pointer")

    def __init__(self, schemas: "Schemas", pointer: str) -> None:
        self._schemas = schemas
        self._proof: Proof | None = self._first_proof
        self._tried = self._proven = 0
        self.held: tuple[Ways, str] | None = None
        """What it is compiled with, and its number there; "" where its document is the schema."""
        self.pointer = pointer

    def _held(self) -> tuple[Ways, str]:
        self.held = held = self._schemas.met(self.pointer)
        return held

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
        """Raises ContractError when a schema of the document that was named cannot be used."""
        self._schemas.compiled()

    @property
    def schemas(self) -> "Schemas":
        """Those that it was named among."""
        return self._schemas

    def apart(self) -> "Schemas":
        """The schemas of the same document once more, none named yet: what is asked of them
        changes nothing here.
        """
        return self._schemas.apart()

    def fits(self, instance: Any) -> bool:
        """Whether the payload keeps every clause. The hot path: stops at the first error."""
        ways, number = self.held or self._held()
        if ways.fits({number: instance} if number else instance):
            return True
        whole = self._schemas.in_whole_numbers(instance)
        return whole is not instance and ways.fits({number: whole} if number else whole)

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
        provers = None if self._schemas.dear.to_prove else self._schemas.provers
        proof = self._proof = None if provers is None else provers.at(self.pointer)
        return OPEN if proof is None else proof(body)

    def broken(self, instance: Any, most: int) -> list[Broken]:
        """The broken clauses, folded by (rule, pointer), at most `most`; of a dear one that some
        are. None though it does not fit: it hangs on a clause that cannot be judged.
        """
        if self.is_dear(instance):
            return [] if self.unjudged else [Broken("schema", "", self.pointer, "kept", "broken")]
        ways, number = self.held or self._held()
        instance = self._schemas.in_whole_numbers(instance)
        if ways.harsh is not None and ways.harsh.is_valid(
            {number: instance} if number else instance
        ):
            return []
        return self._folded(ways.tight, number, instance, most)

    def bears(self, instance: Any, most: int) -> bool:
        """Whether a payload asks for no more than `most` applications of schemas (work.py)."""
        return self._schemas.cost.within(self.pointer, instance, most)

    @property
    def unjudged(self) -> tuple[str, ...]:
        """The pointers of the document's clauses that cannot be judged, such as a pattern that
        does not compile.
        """
        return self._schemas.unjudged

    def is_dear(self, instance: Any) -> bool:
        """Whether telling the clauses that a payload breaks may take too much memory (dear.py)."""
        return self._schemas.dear.to_tell(instance)

    def is_long(self, instance: Any) -> bool:
        """Whether holding a payload against the document may take too long (dear.py)."""
        return self._schemas.dear.to_hold(instance)

    def broken_in_shape(self, instance: Any, most: int) -> list[Broken]:
        """The same for a redacted payload: presence and types only; a mask stands for
        any scalar.
        """
        ways, number = self.held or self._held()
        return self._folded(ways.loose, number, instance, most, masks=True)

    def _folded(
        self,
        validator: engine.Validator,
        number: str,
        instance: Any,
        most: int,
        *,
        masks: bool = False,
    ) -> list[Broken]:
        errors = validator.iter_errors({number: instance} if number else instance)
        kept = (error for error in errors if not is_hidden(error, words=masks))
        return folded(kept, self.pointer, most, 1 if number else 0, self._schemas.document)


_MOST_EXACT = 2.0**53


_MAY_CHANGE = (float, list, dict)


def whole_numbers(node: Any) -> Any:
    """The same with each float that is a whole number as one; itself where there is none."""
    if isinstance(node, float):
        return int(node) if node.is_integer() and abs(node) <= _MOST_EXACT else node
    held: Any = None
    if isinstance(node, list):
        places: Iterable[tuple[Any, Any]] = enumerate(node)
    elif isinstance(node, dict):
        places = node.items()
    else:
        return node
    for place, part in places:
        if isinstance(part, _MAY_CHANGE) and (whole := whole_numbers(part)) is not part:
            if held is None:
                held = node.copy()
            held[place] = whole
    return node if held is None else held


class Schemas:
    """All schemas of one document. What is met is compiled alone, as far as it reaches, until that
    comes to as much as all of them; then all are compiled into one validator, so that what they
    share is compiled and held once.

    A validator of its own for each operation of a vendor's densely linked document takes 50 ms and
    27 MB each; one for all 600 takes 70 ms and 32 MB. Of other documents few operations are met,
    and each reaches little. Each schema is a numbered property of its validator's root, 0.6 us a
    check. `resources` are other documents by URI that a document as a whole (pointer "") may name;
    nothing else is ever fetched. `assert_formats` holds `format` against payloads in the drafts,
    too, that only annotate by it.
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
        self._formats = dict(formats or {})
        self._document = document
        self.draft: Draft = draft
        self._resources = dict(resources or {})
        self._assert_formats = assert_formats
        self._known: dict[str, Schema] = {}
        self._limits = limits
        self._judged: Judged | None = None
        self._cost: Cost | None = None
        self._dear: Callable[[], Dear] = cache(
            lambda: Dear.of(self._document, self._look.patterns)
        )
        self._provers: Provers | None = None
        self._whole: Ways | None = None
        self._usable = False
        self._alone = self._look.schemas if is_cuttable(self._look.words) else 0
        self._compiler = Compiler(
            draft, where, self._formats, self._resources, assert_formats, limits, self._look.words
        )

    def in_whole_numbers(self, instance: Any) -> Any:
        """A payload with 1 for 1.0, where the draft leaves open whether that is an integer; else
        itself. OpenAPI 3.0 takes its types from a draft that asks for a number without a fraction,
        and drafts since 6, so OpenAPI 3.1 too, ask for a fraction of zero.
        """
        return whole_numbers(instance) if self.draft == "4" and self._formats else instance

    def lazily(self, pointer: str) -> Schema:
        """The schema at a JSON pointer into the document. Name all before the first is used:
        another one may mean to compile again.
        """
        schema = self._known.get(pointer)
        if schema is None:
            schema = self._known[pointer] = Schema(self, pointer)
            self._forget()
        return schema

    def whole(self) -> Ways:
        """All that were named, in the order in which they were. From now on each is held by it."""
        if self._whole is None:
            self._whole = Ways(self._compiler, self._as_judged(), list(self._known))
            for number, schema in enumerate(self._known.values()):
                schema.held = (self._whole, f"{number}" if schema.pointer else "")
        return self._whole

    def compiled(self) -> None:
        """Raises ContractError when one that was named cannot be used. Only those are compiled of
        which that is not told without it (usable.py).
        """
        if self._whole is None and not self._usable:
            kindly = self._as_judged().kindly
            patterns = usable_patterns(self._look.patterns, self._limits)
            unsure = unsure_of(kindly, self._known, self.draft, self._look.words, patterns)
            self._usable = not unsure or self._compiles_alone(unsure)
        if not self._usable:
            _ = self.whole().tight

    def _compiles_alone(self, pointers: Sequence[str]) -> bool:
        """Whether a few schemas compile; False tells nothing."""
        piece = self._piece(pointers, self._look.schemas // 2)
        if piece is None:
            return False
        try:
            _ = piece[0].tight
        except ContractError:
            return False  # which is told of the first of all
        return True

    def together(self) -> None:
        """Compile those that were named, as they are all that is met: what they reach is enough.
        Raises ContractError when one cannot be used.
        """
        piece = self._piece(list(self._known), self._look.schemas // 2)
        ways = self.whole() if piece is None else piece[0]
        _ = ways.tight
        for number, schema in enumerate(self._known.values()):
            schema.held = (ways, f"{number}" if schema.pointer else "")

    def bearable(self, pairs: Sequence[tuple[str, Any]], most: int) -> list[bool]:
        """What `Schema.bears` tells, for each of these pointers and payloads."""
        return self.cost.within_each(pairs, most)

    @property
    def document(self) -> Any:
        """What they stand in, as it was given."""
        return self._document

    def met(self, pointer: str) -> tuple[Ways, str]:
        """What a schema that is used for the first time is compiled with, and its number there."""
        if self._whole is None and self._alone > 0 and "" not in self._known:
            alone = self._met_alone(pointer)
            if alone is not None:
                return alone, "0"
            self._alone = 0
        whole = self.whole()
        return self._known[pointer].held or (whole, "")

    def _met_alone(self, pointer: str) -> Ways | None:
        """None where it reaches more than may be compiled apart from the others."""
        piece = self._piece([pointer], self._alone)
        if piece is None:
            return None
        self._alone -= piece[1]
        return piece[0]

    def _piece(self, pointers: Sequence[str], most: int) -> tuple[Ways, int] | None:
        """What these schemas reach, to be compiled, and what that costs in objects; None where it
        is more than `most` objects, or is not told.
        """
        held = self._as_judged()
        if not is_cuttable(self._look.words):
            return None
        pieces = [
            cut(document, pointers, most)
            for document in (held.kindly, held.harshly)
            if document is not None
        ]
        if not all(pieces):
            return None
        whole = [piece[0] for piece in pieces if piece is not None]
        cost = sum(_OVERHEAD + piece[1] for piece in pieces if piece is not None)
        harshly = whole[1] if len(whole) > 1 else None
        return Ways(self._compiler, Judged(whole[0], harshly, held.unjudged), pointers), cost

    def _forget(self) -> None:
        self._usable = False
        if self._whole is not None:
            self._whole = None
            for schema in self._known.values():
                schema.held = None

    def apart(self) -> "Schemas":
        """A copy with no schema named."""
        copy = Schemas(
            self._document, self.draft, where=self._where, formats=self._formats, resources=self._resources,
            assert_formats=self._assert_formats, limits=self._limits, look=self._look,
        )  # fmt: skip
        copy._dear = self._dear  # what is dear is so of the document
        return copy

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
    def dear(self) -> Dear:
        """What payloads may cost beyond their size; looked for when a body first meets it."""
        return self._dear()

    @property
    def cost(self) -> Cost:
        """What a payload asks for; made when one is deeper than every payload may be."""
        if self._cost is None:
            self._cost = Cost(self._document, self._limits.work)
        return self._cost

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
