"""A published document to the promise it makes, whatever its format, and what is to be said of its
text.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

from monitor.contracts.collecting import uncollected
from monitor.contracts.form import Promise
from monitor.contracts.formats.asyncapi import is_asyncapi, read_asyncapi
from monitor.contracts.formats.avro import read_avro
from monitor.contracts.formats.avro_documents import is_avro
from monitor.contracts.formats.discriminators import unpicked
from monitor.contracts.formats.drafts import modern, unread_drafts
from monitor.contracts.formats.graphql import is_graphql, read_graphql
from monitor.contracts.formats.jsonschema import read_jsonschema
from monitor.contracts.formats.keywords import unknown_in_openapi, unknown_in_schema
from monitor.contracts.formats.mountebank import is_mountebank, read_mountebank
from monitor.contracts.formats.official import against_openapi
from monitor.contracts.formats.openapi import read_openapi, version_of
from monitor.contracts.formats.overlooked import (
    odd_in_openapi,
    odd_in_payloads,
    overlooked_in_openapi,
    overlooked_in_schema,
)
from monitor.contracts.formats.own_words import unknown_words
from monitor.contracts.formats.pact import read_pact
from monitor.contracts.formats.pact_words import is_pact
from monitor.contracts.formats.protobuf import document_of_proto, is_protobuf, read_protobuf
from monitor.contracts.formats.ramp_plan import is_ramp_plan, read_ramp_plan
from monitor.contracts.formats.spring import read_spring_cloud_contract
from monitor.contracts.formats.spring_known import is_spring_cloud_contract
from monitor.contracts.formats.timing import is_timing, read_timing
from monitor.contracts.formats.unmatched import unmatched
from monitor.contracts.formats.unread import unread_members
from monitor.contracts.formats.unread_schemas import unread_avro, unread_proto
from monitor.contracts.formats.wiremock import read_wiremock
from monitor.contracts.formats.wiremock_known import is_wiremock
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.lines import lines_of
from monitor.contracts.own_examples import own_examples
from monitor.contracts.own_interactions import own_interactions
from monitor.contracts.refs import Placed, telling
from monitor.contracts.remarks import Remark
from monitor.contracts.selections.written import asks, document_of_sdl
from monitor.contracts.text import parse
from monitor.contracts.unjudged import unjudged_clauses
from monitor.errors import UNFORESEEN, ContractError
from monitor.model.contracts import FORMATS, ContractDraft

_MOST_SAID = 5
_LONGEST_CONTACT = 200


@dataclass(frozen=True, slots=True)
class Examined:
    """A contract that may be published: its promise, compiled, and what will not be judged of it,
    by line.
    """

    promise: Promise
    remarks: tuple[Remark, ...]
    examples: int = 0

    def told(self) -> dict[str, Any]:
        """As API and CLI tell it: counts of what will be judged and of clauses that will not, own
        examples that were looked at, and `remarks` (`line`, `pointer`, `said`, `kind`).
        """
        return {
            "interactions": len(self.promise.interactions),
            "messages": len(self.promise.messages),
            "units": len(self.promise.units),
            "operations": len(self.promise.operations),
            "parameters": self.promise.parameters,
            "schemas": len(self.promise.schemas),
            "times": len(self.promise.timing),
            "examples": self.examples,
            "unjudged": sum(remark.kind == "unjudged" for remark in self.remarks),
            "remarks": [
                {
                    "line": remark.line,
                    "pointer": remark.pointer,
                    "said": remark.said,
                    "kind": remark.kind,
                }
                for remark in self.remarks
            ],
        }


def read_contract(
    format: str,  # noqa: A002 - the model's word
    text: str,
    *,
    where: str,
    lenient_nullable: bool = True,
    limits: ContractLimits = CONTRACT_LIMITS,
) -> Promise:
    """The promise in a contract's text. Raises ContractError, saying what, where and
    what to do.
    """
    with uncollected(), _foreseen(where):
        document = document_of(text, where=where, limits=limits)
        held = _in_newest_draft(format, document, text)
        return _promise(format, held, where, lenient_nullable, limits)


def examine(
    format: str,  # noqa: A002 - the model's word
    text: str,
    *,
    where: str,
    lenient_nullable: bool = True,
    limits: ContractLimits = CONTRACT_LIMITS,
) -> Examined:
    """Look at a contract as a whole, as one does before it is published, and compile it as
    checking will.

    Raises ContractError with the line for what cannot be used, and for what the format's own
    schema refuses, unless nothing that is judged hangs on that. `format` "" is told by the
    content.
    """
    with uncollected(), _foreseen(where):
        document = document_of(text, where=where, limits=limits)
        kind = format or kind_of(document)
        return _examined(
            kind,
            _in_newest_draft(kind, document, text),
            text,
            where,
            lenient_nullable,
            limits,
        )


def _in_newest_draft(kind: str, document: dict[str, Any], text: str) -> dict[str, Any]:
    """OpenAPI's schemas may each name a draft of their own; most documents name none."""
    if kind == "openapi" and _names_draft(text) and version_of(document) != "3.0":
        return modern(document)
    return document


def _names_draft(text: str) -> bool:
    return "$schema" in text or "jsonSchemaDialect" in text


@contextmanager
def _foreseen(where: str) -> Iterator[None]:
    """What no reader foresaw is a refusal too: the document is somebody's, and so is the wait."""
    try:
        yield
    except UnicodeError:
        raise ContractError(
            f"{where}: it holds half of a pair of surrogates (\\ud800 to \\udfff), which is no character; take it out"
        ) from None
    except UNFORESEEN as error:
        raise ContractError(
            f"{where}: something in it has a form that its reader did not expect ({type(error).__name__}); "
            "hold it against the format's own description, and report it where that allows it"
        ) from error


def _examined(
    kind: str,
    document: dict[str, Any],
    text: str,
    where: str,
    lenient_nullable: bool,
    limits: ContractLimits,
) -> Examined:
    try:
        promise = _promise(kind, document, where, lenient_nullable, limits)
        marked = telling(document) if promise.of_messages or not promise.by_example else []
        remarks = [*_remarks(kind, document, marked), *unknown_words(document, text)]
        if kind == "asyncapi":
            remarks += odd_in_payloads(promise.of_messages)
        if kind == "openapi" and _names_draft(text):
            remarks += unread_drafts(document)
        _refuse([remark for remark in remarks if remark.grave], text, where)
        promise.compile()
    except ContractError as error:
        if error.pointer is None:
            raise
        line = lines_of(text, [error.pointer])[error.pointer]
        raise ContractError(f"{error} (line {line})", error.pointer) from None
    shown, misfits = own_examples(document, promise, marked)
    told, unlike = own_interactions(kind, document, promise)
    misfits += unlike
    return Examined(
        promise,
        tuple(_with_lines((*remarks, *misfits, *unjudged_clauses(document, promise)), text)),
        shown + told,
    )


def read_draft(draft: ContractDraft, *, lenient_nullable: bool = True) -> Examined:
    """Examine a draft, so that what cannot be used is refused at publishing. Raises
    ContractError.
    """
    return examine(
        draft.format,
        draft.document,
        where=f"contract {draft.name}",
        lenient_nullable=lenient_nullable,
    )


def completed(draft: ContractDraft) -> ContractDraft:
    """The draft with what its document tells where it says nothing: format, provider, consumer,
    contact, and a name of these.

    A pact names its parties. Examples get a name of their own, so that they do not replace an
    OpenAPI document. Who is to be asked stands in `info.contact` of OpenAPI: name, address and
    page.
    """
    where = f"contract {draft.name}".strip()
    with _foreseen(where):
        document = document_of(draft.document, where=where)
        kind = draft.format or kind_of(document)
    parties = (
        {word: document.get(word) for word in ("provider", "consumer")} if kind == "pact" else {}
    )
    named = {
        word: str(held.get("name") or "").strip()
        for word, held in parties.items()
        if isinstance(held, dict)
    }
    provider, consumer = (
        draft.provider or named.get("provider", ""),
        draft.consumer or named.get("consumer"),
    )
    own = (
        provider
        if kind in ("openapi", "jsonschema")
        else f"{consumer}-{provider}"
        if kind == "pact"
        else f"{provider}-{kind}"
    )
    return replace(
        draft,
        format=kind,
        provider=provider,
        consumer=draft.consumer if consumer is None else consumer,
        contact=_contact(document) if draft.contact is None else draft.contact,
        name=draft.name or (own if provider else ""),
    )


def _contact(document: dict[str, Any]) -> str | None:
    """https://spec.openapis.org/oas/v3.1.0#contact-object"""
    info = document.get("info")
    held = info.get("contact") if isinstance(info, dict) else None
    if not isinstance(held, dict):
        return None
    words = [held.get(word) for word in ("name", "email", "url")]
    return (
        ", ".join(word.strip() for word in words if isinstance(word, str) and word.strip())[
            :_LONGEST_CONTACT
        ]
        or None
    )


def document_of(
    text: str, *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> dict[str, Any]:
    """The document in a contract's text: JSON, YAML, or a .proto or an SDL, which become one.
    Raises ContractError for what cannot be read.
    """
    if len(text) > limits.text_bytes:
        return parse(text, where=where, limits=limits)  # which says so
    # most are: others' words are not looked for
    if text[:100].lstrip("\ufeff \t\r\n")[:1] in ("{", "[") and not asks(text[:2_000]):
        return parse(text, where=where, limits=limits)
    return (
        document_of_sdl(text, where)
        or document_of_proto(text, where)
        or parse(text, where=where, limits=limits)
    )


def kind_of(document: dict[str, Any]) -> str:
    """The format of a document that does not come with one."""
    if "openapi" in document or "swagger" in document:
        return "openapi"
    return next((kind for kind, knows in _KNOWN.items() if knows(document)), "jsonschema")


_KNOWN: Mapping[str, Callable[[dict[str, Any]], bool]] = {
    "asyncapi": is_asyncapi,
    "avro": is_avro,
    "protobuf": is_protobuf,
    "graphql": is_graphql,
    "timing": is_timing,
    "ramp-plan": is_ramp_plan,
    "pact": is_pact,
    "mountebank": is_mountebank,
    "spring-cloud-contract": is_spring_cloud_contract,
    "wiremock": is_wiremock,
}


def _promise(
    kind: str, document: dict[str, Any], where: str, lenient: bool, limits: ContractLimits
) -> Promise:
    if kind == "openapi":
        return read_openapi(document, where=where, lenient_nullable=lenient, limits=limits)
    if kind == "timing":
        return read_timing(document, where=where)
    if kind == "ramp-plan":
        return read_ramp_plan(document, where=where)
    by_example = {
        "pact": read_pact,
        "spring-cloud-contract": read_spring_cloud_contract,
        "wiremock": read_wiremock,
        "mountebank": read_mountebank,
        "jsonschema": read_jsonschema,
        "asyncapi": read_asyncapi,
        "avro": read_avro,
        "protobuf": read_protobuf,
        "graphql": read_graphql,
    }
    if kind in by_example:
        return by_example[kind](document, where=where, limits=limits)
    raise ContractError(
        f"{where}: the format {kind[:40]!r} is unknown; use one of {', '.join(FORMATS)}"
    )


def _remarks(kind: str, document: dict[str, Any], marked: list[Placed]) -> list[Remark]:
    if kind == "graphql":
        from monitor.contracts.selections.sdl import schema_remarks  # noqa: PLC0415 - as its reader

        return list(schema_remarks(document))
    if kind == "avro":
        return unread_avro(document)
    if kind == "protobuf":
        return unread_proto(document)
    if kind not in ("openapi", "jsonschema"):
        return unread_members(kind, document)
    if kind != "openapi":
        return [*unknown_in_schema(document), *overlooked_in_schema(document)]
    version = version_of(document)
    odd = odd_in_openapi(document, marked, version)
    unknown = [] if version == "3.0" else unknown_in_openapi(odd)
    return [
        *against_openapi(document, version),
        *unknown,
        *overlooked_in_openapi(odd, version),
        *unpicked(document, marked),
        *unmatched(document),
    ]


def _refuse(grave: list[Remark], text: str, where: str) -> None:
    if grave:
        texts = [str(remark) for remark in _with_lines(grave[:_MOST_SAID], text)]
        more = [f"and {len(grave) - len(texts)} more"] if len(grave) > len(texts) else []
        raise ContractError(f"{where}: {'; '.join([*texts, *more])}")


def _with_lines(remarks: Iterable[Remark], text: str) -> list[Remark]:
    once = list(dict.fromkeys(remarks))
    lines = lines_of(text, {remark.pointer for remark in once}) if once else {}
    return sorted(
        (replace(remark, line=remark.line or lines[remark.pointer]) for remark in once),
        key=lambda remark: remark.line,
    )
