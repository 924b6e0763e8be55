"""Mountebank's imposters into the intermediate form. https://www.mbtest.dev/docs/api/contracts

Predicates and behaviours that run code are refused: nobody can tell what they ask.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NoReturn

from monitor.contracts.form import Delay, Interaction, Left, Promise, by_example
from monitor.contracts.formats.mountebank_predicates import Predicates, refuse_code
from monitor.contracts.formats.naming import PENDING_WORD, delay_ms, entries_of, unique
from monitor.contracts.limits import CONTRACT_LIMITS, ContractLimits
from monitor.contracts.matching.answers import answer_body, answer_headers, is_templated
from monitor.contracts.matching.parts import Part, status_part
from monitor.contracts.matching.work import EXAMPLE, Work
from monitor.errors import ContractError

_OF_IMPOSTERS = frozenset({"stubs", "port"})
_DEFAULTED = ("statusCode", "headers", "body", "_mode")
_COPYING = ("copy", "lookup")


def is_mountebank(document: Mapping[str, Any]) -> bool:
    """Whether a document is an imposter, or holds several. One of its own needs no stubs."""
    return isinstance(document.get("imposters"), list) or (
        "protocol" in document and not _OF_IMPOSTERS.isdisjoint(document)
    )


def read_mountebank(
    document: dict[str, Any], *, where: str, limits: ContractLimits = CONTRACT_LIMITS
) -> Promise:
    """The promise of one imposter, or of all. Raises ContractError, saying where, also for what
    runs code.
    """
    entries = entries_of(document, "imposters")
    left: list[Left] = []
    named: dict[str, int] = {}
    interactions: list[Interaction] = []
    work = Work(where)
    for entry, clause in entries:
        if not isinstance(entry, dict):
            refuse_no_object("imposter", entry, where, clause)
        if entry.get("protocol") not in ("http", "https"):
            left.append(
                Left(
                    f"{clause}/protocol",
                    f"imposters of {str(entry.get('protocol'))[:20]!r} are not judged",
                )
            )
            continue
        stubs = entry.get("stubs", [])
        if not isinstance(stubs, list):
            raise ContractError(f"{where}: {clause}/stubs is no list", f"{clause}/stubs")
        for index, stub in enumerate(stubs):
            at = f"{clause}/stubs/{index}"
            if not isinstance(stub, dict):
                refuse_no_object("stub", stub, where, at)
            work.spend(EXAMPLE, at)
            title = str(entry.get("name") or f"imposter {entry.get('port', '')}".strip())
            held = _Stub(stub, at, work, left, entry.get("defaultResponse"))
            interactions += held.interactions(index, title, named)
            if len(interactions) > limits.operations:
                raise ContractError(
                    f"{where}: more than {limits.operations} stubs; split the file"
                )
    return by_example(interactions, left=tuple(left))


def refuse_no_object(what: str, node: object, where: str, clause: str) -> NoReturn:
    """Raise ContractError; a template of EJS is told as one."""
    if isinstance(node, str) and "<%" in node:
        raise ContractError(
            f"{where}: {clause} is a template of EJS; publish what `mb save` writes", clause
        )
    raise ContractError(f"{where}: the {what} at {clause} is no object", clause)


class _Stub:
    def __init__(
        self, stub: dict[str, Any], clause: str, work: Work, left: list[Left], default: object
    ) -> None:
        """`default`: the imposter's answer, of which each takes what it does not say itself."""
        self._stub = stub
        self._default = default if isinstance(default, dict) else {}
        self._clause = clause
        self._where = work.where
        self._work = work
        self._left = left
        self._asked = Predicates(work, left)

    def interactions(self, index: int, title: str, named: dict[str, int]) -> Iterator[Interaction]:
        """One for each answer that the stub gives in turn: a live answer is good when it is like
        one of them.
        """
        predicates = self._stub.get("predicates", [])
        if not isinstance(predicates, list):
            raise ContractError(
                f"{self._where}: {self._clause}/predicates is no list",
                f"{self._clause}/predicates",
            )
        request = tuple(
            self._asked.part(predicate, f"{self._clause}/predicates/{count}")
            for count, predicate in enumerate(predicates)
        )
        answers = self._stub.get("responses", [])
        label = " ".join([*sorted(self._asked.methods), self._asked.path]) or f"stub {index + 1}"
        for count, answer in enumerate(answers if isinstance(answers, list) else ()):
            clause = f"{self._clause}/responses/{count}"
            response = self._held(answer, clause)
            if response is None:
                continue
            name = f"{title}: {label}" + (f", answer {count + 1}" if len(answers) > 1 else "")
            parts = tuple(self._response(response, f"{clause}/is", exact=bool(self._asked.path)))
            yield Interaction(
                unique(name, named),
                clause,
                None,
                None,
                request,
                parts,
                priority=index,
                delay=self._delay(answer, clause),
                pending=self._stub.get(PENDING_WORD) is True,
                prefix=self._asked.prefix,
                asks=self._asked.asks,
            )

    def _held(self, answer: Any, clause: str) -> dict[str, Any] | None:
        if not isinstance(answer, dict):
            raise ContractError(f"{self._where}: the answer at {clause} is no object", clause)
        if "inject" in answer:
            refuse_code("inject", self._where, f"{clause}/inject")
        for behavior, at in _behaviors(answer, clause):
            for word in ("shellTransform", "decorate"):
                if word in behavior:
                    refuse_code(word, self._where, f"{at}/{word}")
        for word in ("proxy", "fault"):
            if word in answer:
                self._left.append(
                    Left(
                        f"{clause}/{word}", f"an answer by {word} shows nothing, and is not judged"
                    )
                )
                return None
        held = answer.get("is")
        if not isinstance(held, dict):
            return None
        held = held | {
            word: self._default[word]
            for word in _DEFAULTED
            if not held.get(word) and self._default.get(word)
        }
        tokens = [
            copied["into"]
            for behavior, _ in _behaviors(answer, clause)
            for word in _COPYING
            for copied in _listed(behavior.get(word))
            if isinstance(copied, dict) and isinstance(copied.get("into"), str) and copied["into"]
        ]
        return _filled_in(held, tokens) if tokens else held

    def _delay(self, answer: dict[str, Any], clause: str) -> Delay | None:
        total: float | None = None
        for behavior, at in _behaviors(answer, clause):
            if "wait" not in behavior:
                continue
            waits = delay_ms(behavior["wait"])
            if waits is None:
                self._left.append(Left(f"{at}/wait", "a wait that is code is not judged"))
            else:
                total = (total or 0.0) + waits
        return None if total is None else Delay(least=total, median=total)

    def _response(self, held: dict[str, Any], clause: str, *, exact: bool) -> Iterator[Part]:
        status = held.get("statusCode", 200)
        if isinstance(status, str) and status.isdecimal() and len(status) == 3:
            status = int(status)
        if isinstance(status, str) and is_templated(status):
            self._left.append(
                Left(f"{clause}/statusCode", "a status that a behavior fills in is not judged")
            )
        elif not isinstance(status, int) or isinstance(status, bool):
            raise ContractError(
                f"{self._where}: {clause}/statusCode is no number", f"{clause}/statusCode"
            )
        else:
            yield status_part(status, None, f"{clause}/statusCode")
        headers = held.get("headers")
        yield from answer_headers(headers, {}, f"{clause}/headers", exact=exact)
        if held.get("_mode") == "binary":
            self._left.append(Left(f"{clause}/body", "a body of bytes is not judged"))
            return
        media = (
            next(
                (str(value) for name, value in headers.items() if name.lower() == "content-type"),
                "",
            )
            if isinstance(headers, dict)
            else ""
        )
        part = answer_body(
            held.get("body"), media, {}, exact=exact, clause=f"{clause}/body", work=self._work
        )
        if part is not None:
            yield part
        elif held.get("body") not in (None, ""):
            self._left.append(
                Left(f"{clause}/body", "a text that stands for many requests is not judged")
            )


def _listed(node: Any) -> list[Any]:
    return node if isinstance(node, list) else [node]


def _filled_in(answer: dict[str, Any], tokens: Sequence[str]) -> dict[str, Any]:
    """An answer with templates in place of what `copy` and `lookup` fill in, which is a token and
    perhaps an index or a column behind it.
    """
    token = re.compile(f"(?:{'|'.join(map(re.escape, tokens))})(?:\\[[^\\[\\]]{{1,100}}\\])?")

    def filled(node: Any) -> Any:
        if isinstance(node, str):
            return token.sub("{{copied}}", node)
        if isinstance(node, list):
            return [filled(child) for child in node]
        return (
            {name: filled(child) for name, child in node.items()}
            if isinstance(node, dict)
            else node
        )

    held: dict[str, Any] = filled(answer)
    return held


def _behaviors(answer: Mapping[str, Any], clause: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    for word in ("behaviors", "_behaviors"):
        behaviors = answer.get(word)
        if isinstance(behaviors, dict):
            yield behaviors, f"{clause}/{word}"
        for index, behavior in enumerate(behaviors if isinstance(behaviors, list) else ()):
            if isinstance(behavior, dict):
                yield behavior, f"{clause}/{word}/{index}"
