"""Avro schemas as contracts of a topic's records, framed by a registry's client or bare."""

import io
import json
from functools import cache, lru_cache
from typing import Any

import fastavro
from fastavro.read import SchemaResolutionError
from fastavro.validation import ValidationError, validate

from monitor.contracts.broken import Broken
from monitor.contracts.carried import Carried
from monitor.contracts.compatibility.avro import LOGICAL_TYPE_MISMATCH, avro_changes, same_name
from monitor.contracts.compatibility.changes import Change
from monitor.contracts.compatibility.said import of_avro
from monitor.contracts.form import Message, MessageJudge, Promise, by_example
from monitor.contracts.formats.avro_data import NOT_AVRO, unread
from monitor.contracts.formats.avro_documents import avro_document, taken_in
from monitor.contracts.formats.avro_logical import Look, look_for
from monitor.contracts.formats.avro_schema import AvroSchema, avro_writer
from monitor.contracts.formats.binding import bound
from monitor.contracts.formats.raw_data import UNREADABLE_SCHEMA, data_of
from monitor.contracts.framing import Writer
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.mismatches import Mismatches
from monitor.errors import ContractError

_UNRESOLVED = (
    SchemaResolutionError,
    EOFError,
    ValueError,
    IndexError,
    KeyError,
    TypeError,
    OverflowError,
    RecursionError,
)


def read_avro(
    document: dict[str, Any],
    *,
    where: str,
    limits: ContractLimits = CONTRACT_LIMITS,  # noqa: ARG001 - as others'
) -> Promise:
    """The promise of one schema: of the records of a topic where `x-seamwatch` names one, else of
    those that were written by a schema of its name. Raises ContractError, saying where.
    """
    bind = bound(document, where)
    schema = avro_document(document, where)
    message = avro_message(schema, bind.topic, "", own=not bind.topic)
    others = {name: json.dumps(held) for name, held in taken_in(document).items()}
    writer = Writer("avro", bind.text, others)
    return by_example((), (message,), writers=dict.fromkeys(bind.keys, writer))


def avro_message(schema: AvroSchema, topic: str, clause: str, *, own: bool) -> Message:
    """A message that is data of a schema."""

    def fits(record: Carried) -> bool | None:
        written = _written(record)
        if not isinstance(written, AvroSchema) or not schema.name or not written.name:
            return None
        return same_name(written.follow(written.root), schema.follow(schema.root))

    def example(value: Any, mismatches: Mismatches) -> None:
        _shown(schema, value, clause, mismatches)

    name = schema.name or topic or "a union"
    return Message(
        name,
        clause,
        (avro_judge(schema, clause),),
        topic=topic,
        own=own,
        fits=fits,
        example=example,
        says=lambda: of_avro(schema, schema.root, clause),
    )


def _shown(schema: AvroSchema, value: Any, clause: str, mismatches: Mismatches) -> None:
    """Whether a schema can write a value that JSON shows, as far as JSON can tell: bytes have many
    forms there, a union perhaps a tag, and an example need not tell all.
    """
    try:
        validate(value, schema.root, raise_errors=True)
    except ValidationError as error:
        odd = [
            fault
            for fault in error.errors
            if fault.datum is None or _untold(fault.schema, fault.datum)
        ]
        if error.errors and not odd:
            first = error.errors[0]
            expected = str(first.field or schema.name)[:80]
            mismatches.value("avro_type", "", clause, f"a value of {expected}"[:80], first.datum)
    except _UNRESOLVED:
        mismatches.leave("undecidable", clause)


def _untold(schema: Any, value: Any) -> bool:
    kind = schema.get("type") if isinstance(schema, dict) else schema
    return kind in ("bytes", "fixed") or (isinstance(value, dict) and len(value) == 1)


def avro_judge(schema: AvroSchema, clause: str) -> MessageJudge:
    """What a schema asks of a record: that it reads the record's data, by the schema that wrote it
    where a frame names one; and that its values are what they are meant as.
    """
    look = cache(lambda: look_for(schema))

    def judge(record: Carried, mismatches: Mismatches) -> None:
        data = data_of(record, clause, mismatches)
        if data is None:
            return
        frame, written = record.frame, _written(record)
        if (
            frame is None
            or written is None
            or (isinstance(written, str) and not frame.told and not unread(schema, data))
        ):
            _held(schema, schema, data, clause, mismatches, look())
        elif isinstance(written, str):
            mismatches.leave(written, clause)
        else:
            _held(written, schema, frame.body, clause, mismatches, look())

    return judge


def _written(record: Carried) -> AvroSchema | str | None:
    """The schema that wrote a record, or why it is not known; None without a frame."""
    frame = record.frame
    if frame is None:
        return None
    writer = record.writers(frame.key)
    if isinstance(writer, str):
        return writer
    try:
        return avro_writer(writer) if writer.kind == "avro" else UNREADABLE_SCHEMA
    except ContractError:
        return UNREADABLE_SCHEMA


def _held(
    written: AvroSchema,
    schema: AvroSchema,
    data: bytes,
    clause: str,
    mismatches: Mismatches,
    look: Look | None,
) -> None:
    problem = unread(written, data)
    if problem == NOT_AVRO:
        mismatches.add(
            Broken(
                NOT_AVRO, "", clause, f"data of {written.name or 'the schema'}"[:80], "other bytes"
            )
        )
        return
    if problem:
        mismatches.leave(problem, clause)
        return
    changes = () if written is schema else _changes(written, schema)
    value = _resolved(written, schema, data) if changes or look is not None else None
    for change in changes:
        if value is None or change.rule == LOGICAL_TYPE_MISMATCH:
            mismatches.add(
                Broken(change.rule, change.pointer, clause, change.expected, change.actual)
            )
    if look is not None and value is not None:
        for pointer, expected in look(value[0], ""):
            mismatches.add(Broken("avro_logical_type", pointer, clause, expected, "another value"))


@lru_cache(maxsize=4096)
def _changes(written: AvroSchema, schema: AvroSchema) -> tuple[Change, ...]:
    """What the contract's schema cannot read of another's data; one whole when the two are too
    large to compare.
    """
    try:
        return tuple(avro_changes(written, schema, meanings=True))
    except ContractError:
        return (Change("TYPE_MISMATCH", "", "a schema", "a schema that is too large to compare"),)


def _resolved(written: AvroSchema, schema: AvroSchema, data: bytes) -> tuple[Any] | None:
    """The value that the contract's schema reads of this very data, as the only item: a change may
    lie where it holds nothing. None where it cannot read it.
    """
    reader = None if written is schema else schema.root
    try:
        return (fastavro.schemaless_reader(io.BytesIO(data), written.root, reader),)
    except _UNRESOLVED:
        return None
