"""Whether a newer revision of a binary schema reads all that the one before it could read, whatever
schema that was written by.

That it reads what was written by the one before is not enough: a field that the one before had by
its default, or under another name, may not have been written at all.
"""

from collections.abc import Mapping
from typing import Any

from monitor.contracts.compatibility.levels import incompatible
from monitor.contracts.formats.avro_documents import avro_document
from monitor.contracts.formats.avro_schema import AvroSchema

_OF_BYTES = frozenset({"avro", "protobuf"})


def reads_on(kind: str, was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    """By two documents of one format; False for a format that is not binary. A field that the newer
    one alone has may have been written with another type: what was written tells that.

    Raises ContractError for a document that cannot be used.
    """
    if kind not in _OF_BYTES or incompatible(kind, [dict(was)], dict(now), "BACKWARD"):
        return False
    return kind != "avro" or _gives_up_nothing(
        avro_document(was, "the schema"), avro_document(now, "the schema")
    )


def _gives_up_nothing(was: AvroSchema, now: AvroSchema) -> bool:
    """Whether each default and each other name is still there, of types that have a name in both;
    as readers do, by their names without namespaces.
    """
    later = {name.rpartition(".")[2]: held for name, held in now.names.items()}
    return all(
        _reaches(earlier, later[short])
        for name, earlier in was.names.items()
        if (short := name.rpartition(".")[2]) in later
    )


def _reaches(was: Mapping[str, Any], now: Mapping[str, Any]) -> bool:
    if not set(was.get("aliases", ())) <= set(now.get("aliases", ())):
        return False
    if "default" in was and "default" not in now:  # an enum's
        return False
    fields = {field["name"]: field for field in now.get("fields", ())}
    for field in was.get("fields", ()):
        later = fields.get(field["name"])
        if later is None or "default" in later:
            continue  # not read any more, or read whatever was written
        if "default" in field or not set(field.get("aliases", ())) <= set(
            later.get("aliases", ())
        ):
            return False
    return True
