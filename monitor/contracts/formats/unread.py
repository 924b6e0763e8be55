"""Members of documents of examples and messages that no reader reads: what they ask for would
silently not be judged, so each is named.
"""

from collections.abc import Iterator, Mapping
from typing import Any

from monitor.contracts.formats.folded import Unjudged
from monitor.contracts.formats.members import GRAMMARS, Kind
from monitor.contracts.matching.answers import is_made_on_the_way
from monitor.contracts.refs import resolve
from monitor.contracts.remarks import Remark
from monitor.errors import ContractError
from monitor.model.pointers import escaped

_MOST_LOOKED_AT = 1_000_000
_MOST_HOPS = 9
_MADE_ANEW = "servers make this header anew for each answer, and it is not judged"


def unread_members(kind: str, document: dict[str, Any]) -> list[Remark]:
    """A remark for each member that is not judged, at most 50: the first place of each, and how
    many more there are. Nothing of formats whose members are looked at elsewhere.
    """
    grammar = GRAMMARS.get(kind)
    if grammar is None:
        return []
    tally = Unjudged()
    walk = _Walk(document, grammar, tally)
    walk.whole()
    return tally.remarks()


class _Walk:
    def __init__(
        self, document: dict[str, Any], grammar: Mapping[str, Kind], tally: Unjudged
    ) -> None:
        self._document, self._grammar, self._tally = document, grammar, tally
        self._looked_at = 0
        self._seen: set[tuple[int, str]] = set()  # objects that several refer to

    def whole(self) -> None:
        """Walk all that is reached from the top."""
        waiting = [(self._document, "document", "")]
        while waiting and self._looked_at < _MOST_LOOKED_AT:
            waiting += reversed(list(self._object(*waiting.pop())))

    def _object(self, node: Any, name: str, pointer: str) -> Iterator[tuple[Any, str, str]]:
        """What stands below one object, after its own members were looked at."""
        for _ in range(_MOST_HOPS):
            if not isinstance(node, dict) or not isinstance(node.get("$ref"), str):
                break
            try:
                node, pointer = resolve(self._document, node["$ref"], ""), node["$ref"][1:]
            except ContractError:
                return
        if not isinstance(node, dict) or (id(node), name) in self._seen:
            return
        self._seen.add((id(node), name))
        self._looked_at += 1 + len(node)
        kind = self._grammar[name]
        if kind.unless is not None and kind.unless(node):
            return
        for member, value in node.items():
            place = f"{pointer}/{escaped(str(member))}"
            why = kind.why(str(member))
            if why and value not in (None, "", [], {}, False):
                self._tally.add(name, str(member), why, place)
            below = kind.inner.get(str(member))
            if below is not None:
                yield from _below(value, below, place)
        if kind.answers:
            self._headers(node, pointer)

    def _headers(self, answer: dict[str, Any], pointer: str) -> None:
        """Headers of a stub that its reader passes over, unless a matcher speaks of them."""
        headers = answer.get("headers")
        matchers = answer.get("matchers")
        listed = matchers.get("headers") if isinstance(matchers, dict) else None
        ruled = {
            str(matcher.get("key", "")).lower()
            for matcher in (listed if isinstance(listed, list) else ())
            if isinstance(matcher, dict)
        }
        for name in headers if isinstance(headers, dict) else ():
            key = str(name).lower()
            if key not in ruled and is_made_on_the_way(key):
                place = f"{pointer}/headers/{escaped(str(name))}"
                self._tally.add("header", key, _MADE_ANEW, place)


def _below(value: Any, below: str, place: str) -> Iterator[tuple[Any, str, str]]:
    """`below`: the kind of an object, of each of a list ("[kind]") or of a map ("{kind}"). One
    that stands where a list may is taken as its only entry.
    """
    kind = below.strip("[]{}")
    if below[0] == "[" and isinstance(value, list):
        yield from ((entry, kind, f"{place}/{at}") for at, entry in enumerate(value))
    elif below[0] == "{" and isinstance(value, dict):
        yield from (
            (entry, kind, f"{place}/{escaped(str(name))}") for name, entry in value.items()
        )
    elif below[0] != "{":
        yield value, kind, place
