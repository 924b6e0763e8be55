"""What payloads held, as JSON Schema: types that were seen, fields that are surely there, formats
that every text had; each clause with its evidence.
"""

from collections.abc import Sequence
from typing import Any

from monitor.contracts.inferring.held import Held, Marks, at_most, enough
from monitor.contracts.marks import FIRST, LATER, WORD
from monitor.contracts.skeleton import TYPES
from monitor.model.pointers import escaped

EVIDENCE = "x-seamwatch-evidence"
SURE = 0.01
"""A clause that every payload kept is told where surely no more than this share breaks it."""
ALL_OF = 0.99
"""So much of the texts must have been marked by their words."""
Schema = dict[str, Any]


def schema_of(held: Held, marks: Marks, sure: float = SURE) -> Schema:
    """The schema that all these payloads keep (JSON Schema 2020-12), but for what was not looked
    at in them. It forbids no field that nobody sent. Values are told by type and format alone;
    of what too few payloads held, the types stand in the evidence, and null is allowed where not
    enough held none.
    """
    return _schema(held, marks, sure, [""])


def whole_schema(held: Held, marks: Marks, unseen: int, sure: float = SURE) -> Schema:
    """The schema of whole payloads, with how many it stands for, and how many were not looked
    at.
    """
    schema = schema_of(held, marks, sure)
    seen = held.payloads - held.kinds["z"]
    noted = {"payloads": seen, "otherwise_at_most": rounded(at_most(seen))}
    noted |= schema.pop(EVIDENCE, {})
    if unseen:
        noted["not_looked_at"] = unseen
    return schema | {EVIDENCE: noted}


def evidence_of(held: Held, of: int) -> Schema:
    """In how many payloads something stood, of how many where it could; and the share of others
    that may break the clauses here, which none of these did.
    """
    return {"seen": held.payloads, "of": of, "otherwise_at_most": rounded(at_most(held.payloads))}


def rounded(share: float) -> float:
    """Two digits, upwards enough to stay a limit."""
    return float(f"{min(1.0, share * 1.005):.2g}")


def _schema(held: Held, marks: Marks, sure: float, places: Sequence[str]) -> Schema:
    kinds = +held.kinds
    kinds.pop("z", None)
    types = [TYPES[word] for word in "bdsoan" if word in kinds]
    if not types or types == ["null"] or "x" in kinds:
        return {}  # of a place that never held a value, or a masked one, no type is known
    schema: Schema = {}
    if "d" in kinds:
        number = _number(marks, sure, places, held.kinds["d"] / held.payloads)
        if number is not None:
            types[types.index("number")] = "integer"
            schema["x"] = number
    if "s" in kinds:
        schema |= _text(marks, sure, places)
        words = _words(marks, sure, places) if kinds.keys() <= {"s", "n"} else None
        if words:
            schema["enum"] = [*words, *([None] if "n" in kinds else [])]
    if "o" in kinds:
        schema |= _object(held, marks, sure, places)
    if "a" in kinds and held.items is not None and not held.cut:
        schema["items"] = _schema(held.items, marks, sure, _items(places))
    noted = schema.pop("x", {}) | schema.pop("y", {})
    if held.payloads < enough(sure):  # no clause: it would be the first to break
        noted |= {"types": types}
    else:
        if at_most(held.payloads) > sure and "null" not in types:
            types.append("null")  # what comes beside a type: that it never does is not sure
        schema = {"type": types[0] if len(types) == 1 else types, **schema}
    return schema | ({EVIDENCE: noted} if noted else {})


def _object(held: Held, marks: Marks, sure: float, places: Sequence[str]) -> Schema:
    objects = held.kinds["o"]
    if held.is_map:
        below = held.under_keys()
        named = [at for name in held.fields for at in _below(places, escaped(name))]
        inner = [*_items(places), *named]
        if held.cut:
            return {}
        # keys of one object are not told apart by chance, and those that hold several types are
        # names of fields rather than data: another one may hold whatever it likes
        kinds = below.kinds.keys() - {"n", "z"}
        if objects < enough(sure) or len(kinds) > 1:
            return {}
        return {"additionalProperties": _schema(below, marks, sure, inner)}
    if held.cut:  # of some objects the fields were not looked at
        return {}
    properties, required = {}, []
    for name, field in held.fields.items():
        schema = _schema(field, marks, sure, _below(places, escaped(name)))
        noted = evidence_of(field, objects) | schema.pop(EVIDENCE, {})
        properties[name] = schema | {EVIDENCE: noted}
        if held.always(name) and at_most(objects) <= sure:
            required.append(name)
    return {"properties": properties} | ({"required": required} if required else {})


def _number(marks: Marks, sure: float, places: Sequence[str], share: float) -> Schema | None:
    """Evidence that numbers are whole; None where some were not, or too few were looked at.
    `share`: of the payloads with something here, how many had a number.
    """
    whole = marks.at(places, "i")
    there = marks.at(places, "").get("", 0)
    seen = max(int(there * share), *whole.values()) if whole else 0
    if not seen or marks.at(places, "f") or at_most(seen) > sure:
        return None
    return {"whole": seen, "fraction_at_most": rounded(at_most(seen))}


def _text(marks: Marks, sure: float, places: Sequence[str]) -> Schema:
    formats = marks.at(places, "F")
    if len(formats) != 1:
        return {}
    ((mark, seen),) = formats.items()
    if mark == "F" or at_most(seen) > sure:
        return {}
    noted = {"of_format": seen, "other_format_at_most": rounded(at_most(seen))}
    return {"format": mark[1:], "y": noted}


def _words(marks: Marks, sure: float, places: Sequence[str]) -> list[str] | None:
    """The words that stood here, where settings ask for them and all texts were such; None where
    more may come.
    """
    words = marks.at(places, WORD)
    seen, texts = sum(words.values()), sum(marks.at(places, "t").values())
    if not seen or WORD in words or seen < ALL_OF * texts or at_most(texts) > sure:
        return None
    return sorted(word[1:] for word in words)


def _items(places: Sequence[str]) -> list[str]:
    return [*_below(places, FIRST), *_below(places, LATER)]


def _below(places: Sequence[str], step: str) -> list[str]:
    return [f"{place}/{step}" for place in places]
