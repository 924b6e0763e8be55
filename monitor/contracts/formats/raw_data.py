"""A record's value as the bytes of a binary format, or why it is none."""

from monitor.contracts.broken import Broken
from monitor.contracts.carried import Carried
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import EMPTY, MEDIA_TYPE, NO_BODY, is_json_type

UNREADABLE_SCHEMA = "unreadable_schema"  # the registry's own schema cannot be used


def data_of(record: Carried, clause: str, mismatches: Mismatches) -> bytes | None:
    """The bytes to hold against a schema; None where `mismatches` tells what is missing, or why it
    cannot be looked at.
    """
    raw, problem = record.raw()
    if problem == EMPTY:
        mismatches.add(Broken("missing_body", "", clause, "present", "absent"))
        return None
    if problem or is_json_type(record.media):
        mismatches.leave(problem or MEDIA_TYPE, clause)
        return None
    if mismatches.redacted:
        mismatches.leave(NO_BODY, clause)  # what is told is what stands for them
        return None
    return raw if isinstance(raw, bytes) else raw.encode("utf-8", "surrogatepass")
