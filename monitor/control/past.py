"""Findings and verdicts as earlier versions of this program stored them, their reasons sentences,
brought into today's form.
"""

from collections.abc import Mapping
from contextlib import suppress
from typing import Any

from monitor.control.documents import from_document
from monitor.model.judging import Finding, Verdict

_SIDES = ("client", "server")


def finding_of(document: Mapping[str, Any]) -> Finding:
    """The finding that a document holds, whichever version wrote it."""
    if "summary" not in document:
        return from_document(document, Finding)
    evidence = document.get("evidence") or {}
    details = evidence.get("details") or {}
    reasons = {
        name: _told(details[old])
        for name, old in (("explained", "innocent"), ("ended", "ended"))
        if details.get(old)
    }
    suspects = [_with_reasons(suspect, "reasons") for suspect in document.get("suspects", ())]
    typed = _typed(evidence, str(document.get("signal")))
    return from_document({**document, **reasons, "evidence": typed, "suspects": suspects}, Finding)


def verdict_of(document: Mapping[str, Any]) -> Verdict:
    """The verdict that a document holds, whichever version wrote it."""
    edges = [
        {
            **_with_reasons(edge, "reasons"),
            "evidence": {
                kind: _typed(seen, "latency" if kind in _SIDES else "")
                for kind, seen in edge["evidence"].items()
            },
        }
        for edge in document.get("edges", ())
    ]
    return from_document(
        {**_with_reasons(document, "reasons", "settles"), "edges": edges}, Verdict
    )


def _with_reasons(document: Mapping[str, Any], *names: str) -> dict[str, Any]:
    return {
        **document,
        **{
            name: [_told(text) if isinstance(text, str) else text for text in document[name]]
            for name in names
        },
    }


def _told(text: str) -> dict[str, Any]:
    return {"code": "told", "parameters": {"text": text}}


def _typed(evidence: Mapping[str, Any], signal: str) -> dict[str, Any]:
    """The evidence with the loose texts of `details` as typed parts."""
    details = evidence.get("details")
    if not details:
        return dict(evidence)
    typed: dict[str, Any] = {name: value for name, value in evidence.items() if name != "details"}
    kind = str(details.get("kind", ""))
    if signal == "silence" or "presence_of_old" in details:
        typed["silence"] = {
            "instances": int(_number(details, "instances") or 0),
            "presence": _number(details, "presence_of_old") or 0.0,
            "chance": _number(details, "chance") or 0.0,
        }
    elif kind in _SIDES:
        quantiles = {
            age: {
                name: _number(details, f"{age}_{name}_seconds") for name in ("p50", "p90", "p99")
            }
            for age in ("new", "old")
        }
        typed["latency"] = {"side": kind, **quantiles}
    elif kind:
        counts = {new: _number(details, old) for new, old in _CLAUSES}
        whole = {name: int(count) for name, count in counts.items() if count is not None}
        typed["rate"] = {
            "kind": kind,
            "dispersion": _number(details, "dispersion") or 1.0,
            **whole,
        }
    if "leg" in details:
        beaten, _, placebos = (
            str(details.get("placebos", "")).removesuffix(" beaten").partition(" of ")
        )
        typed["step"] = {
            "supported": "leaning" in details["leg"],
            "placebos": int(placebos or 0),
            "beaten": int(beaten or 0),
            "seasonal": details.get("baseline") == "seasonal",
            "growth": _growth(str(details.get("neighbours", ""))),
        }
    return typed


_CLAUSES = (("clause_new", "clause_violations"), ("clause_old", "clause_violations_old"))


def _number(details: Mapping[str, Any], name: str) -> float | None:
    with suppress(KeyError, ValueError, TypeError):
        return float(details[name])
    return None


def _growth(text: str) -> float:
    with suppress(ValueError):
        return float(text.removeprefix("grew ").removesuffix("-fold"))
    return 1.0
