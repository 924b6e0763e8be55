"""A published document to the promise it makes, whatever its format."""

from monitor.contracts.form import Promise
from monitor.contracts.formats.jsonschema import read_jsonschema
from monitor.contracts.formats.openapi import read_openapi
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.text import parse
from monitor.errors import ContractError
from monitor.model.contracts import ContractDraft


def read_contract(
    format: str,  # noqa: A002 - the model's word
    text: str,
    *,
    where: str,
    lenient_nullable: bool = True,
    limits: ContractLimits = CONTRACT_LIMITS,
) -> Promise:
    """The promise in a contract's text. Raises ContractError, saying what, where and what to do."""
    document = parse(text, where=where, limits=limits)
    if format == "openapi":
        return read_openapi(document, where=where, lenient_nullable=lenient_nullable, limits=limits)
    if format == "jsonschema":
        return read_jsonschema(document, where=where, limits=limits)
    raise ContractError(f"{where}: the format {format[:40]!r} is unknown; use openapi or jsonschema")


def read_draft(draft: ContractDraft, *, lenient_nullable: bool = True) -> Promise:
    """Read and compile a draft as checking will, so that what cannot be used is refused at publishing. Raises ContractError."""
    promise = read_contract(draft.format, draft.document, where=f"contract {draft.name}", lenient_nullable=lenient_nullable)
    promise.compile()
    return promise
