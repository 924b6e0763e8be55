"""What recorded answers tell of the headers that an example asks for: which of them came, and of
which type the body was. No text of a header is kept, nor what stands behind a media type.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

from monitor.contracts.affected import Kind
from monitor.contracts.broken import Broken
from monitor.contracts.form import Interaction
from monitor.contracts.limits import PAYLOAD_LIMITS
from monitor.contracts.matching.call import Call
from monitor.contracts.matching.mismatches import Mismatches
from monitor.contracts.payloads import Payload
from monitor.contracts.skeleton import lacks
from monitor.model.exchanges import Exchange
from monitor.model.pointers import unescaped

Word = Literal["breaks", "keeps", "values"]
OpenCode = Literal[
    "",
    "another_example",
    "header_unseen",
    "request_header_unkept",
    "header_value",
    "hidden",
    "payload_unseen",
    "unmarked",
    "value",
]
HEADERS = "/headers/"
_TYPE = f"{HEADERS}content-type"
_NOBODY_ASKS_FOR = {"x-seamwatch-none": "1"}
_TEXTS = ("\u2603 ~", "0,5")
"""What keeps no clause about a text but that there is one."""
_PARAMETERS = ("", ";charset=utf-8", "; charset=utf-8", "; charset=UTF-8")


@dataclass(frozen=True, slots=True)
class HeldExample:
    """What one example says of a payload: what is surely broken, and what hangs on values."""

    name: str
    clause: str
    broken: Sequence[Broken]
    open: Sequence[Broken]

    @property
    def word(self) -> Word:
        return "breaks" if self.broken else "values" if self.open else "keeps"


def answered(
    example: Interaction,
    kind: Kind,
    headers: Mapping[str, str],
    body: bytes,
    *,
    whole: bool = False,
) -> Mismatches:
    """What an answer of these headers and this body breaks of an example; `whole`: it had no
    others.
    """
    method, _, route = kind.operation.partition(" ")
    path = example.path or route
    exchange = exchange_of(method, path, kind.status, headers, body, whole=whole)
    call = Call(exchange, Payload(None, {}), Payload(body, headers))
    mismatches = Mismatches(most=PAYLOAD_LIMITS.violations)
    for part in example.response:
        part(call, mismatches)
    return mismatches


def exchange_of(
    method: str, path: str, status: int, headers: Mapping[str, str], body: bytes, *,
    whole: bool = False,
) -> Exchange:  # fmt: skip
    """An exchange that stands for live ones."""
    return Exchange(
        "", 0, 0, 0, 0, None, method, path, path, "", status, "", "", "", "", "", "", b"", b"",
        response_headers=headers, response_body=body, headers_whole=whole,
    )  # fmt: skip


def headed(example: Interaction, kind: Kind) -> HeldExample | None:
    """Which headers of an example came with answers; None where it is answered with another
    status. Where logs hold some headers only, what is not there is left open.
    """
    none = answered(example, kind, _NOBODY_ASKS_FOR, b"", whole=True)
    if none.wrong_status:
        return None
    missing = [it for it in _of_headers(none) if it.pointer != _TYPE]
    absent = {it: lacks(kind.node or {}, _name(it)) for it in missing}
    unseen = [it for it in missing if absent[it] is not False]
    texts = dict[tuple[str, str], Broken]()
    for text in _TEXTS:
        headers = {_name(it): text for it in missing if it not in unseen}
        if headers:
            given = answered(example, kind, headers, b"")
            texts |= {(it.rule, it.pointer): it for it in _of_headers(given)}
    open_ = [it for it in texts.values() if it.pointer != _TYPE]
    surely = [it for it in missing if absent[it]]
    perhaps = [it for it in unseen if not absent[it]]
    return HeldExample(example.name, example.clause, surely, [*perhaps, *open_])


def of_media_type(example: Interaction, kind: Kind) -> tuple[list[Broken], list[Broken]]:
    """Whether the media type of a body is another one than an example's header asks for, surely
    and perhaps.
    """
    if not kind.media:
        return [], []
    trials = [
        [
            it
            for it in _of_headers(
                answered(example, kind, {"content-type": f"{kind.media}{more}"}, b"")
            )
            if it.pointer == _TYPE
        ]
        for more in _PARAMETERS
    ]
    broken = next((it for trial in trials for it in trial), None)
    if broken is None:
        return [], []
    return ([broken], []) if broken.rule == "header" and all(trials) else ([], [broken])


def _of_headers(mismatches: Mismatches) -> list[Broken]:
    return [it for it in mismatches.broken if it.pointer.startswith(HEADERS)]


def _name(broken: Broken) -> str:
    return unescaped(broken.pointer.removeprefix(HEADERS))


def why_open(broken: Broken) -> OpenCode:
    """Why a clause about a header is not settled."""
    return "header_unseen" if broken.rule == "missing_header" else "header_value"
