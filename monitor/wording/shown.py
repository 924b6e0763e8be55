"""Parameters of reasons as sentences show them: times, shares, spans, names of edges."""

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from monitor.model.builds import BUILD
from monitor.model.edges import Edge
from monitor.model.judging import Attribute, Condition
from monitor.model.reasons import Parameter
from monitor.wording.meaning import what_changed
from monitor.wording.times import span

CALLED_BY: tuple[Attribute, ...] = ("caller", "caller_version")
ALL = "*"
"""Stands for a version where all calls of an edge are held against those before, whatever their
versions.
"""
DOUBTS_TOLD: Mapping[str, str] = {
    "weaker_pass": "a weaker pass",
    "unmatched": "a deploy that matches nothing",
    "no_data": "a lack of data",
    "few_calls": "a lack of calls",
    "no_overlap": "that the versions never met",
    "untrusted": "telemetry that cannot be trusted",
    "suspected": "harm that is not surely this deploy's",
    "minimum": "too little evidence",
    "other": "any other doubt",
}
"""A kind of doubt, as a sentence names it."""


def edge_name(edge: Edge) -> str:
    """Caller, callee and operation, as a sentence names an edge."""
    return f"{edge.caller} → {edge.callee} {edge.operation}"


def share(bad: Parameter, every: Parameter) -> str:
    """`40%`, or `all`."""
    return "all" if bad == every else f"{int(bad or 0) / max(int(every or 0), 1):.0%}"


def condition_text(condition: Condition) -> str:
    """`on instance b`, `not to operation GET /cart`, `where build is 41`."""
    words = {"instance": "on", "zone": "in", "payload_shape": "with"}.get(
        condition.attribute,
        "where"
        if condition.attribute in BUILD
        else "of"
        if condition.attribute in CALLED_BY
        else "to",
    )
    name = condition.attribute.replace("_", " ")
    if condition.attribute in BUILD:
        name = f"{condition.attribute} is"
    return f"{'' if condition.holds else 'not '}{words} {name} {condition.value}"


def rate(bad: Parameter, calls: Parameter) -> str:
    """`3 of 60 calls (5.00%)`."""
    bad, calls = int(bad or 0), int(calls or 0)
    return f"{bad} of {calls} calls ({bad / calls:.2%})" if calls else "no calls"


class Shown(dict[str, Any]):
    """Parameters as templates ask for them, with what follows from several of them."""

    def __init__(self, parameters: Mapping[str, Parameter], edge: Edge | None) -> None:
        shown = {name: _Value(value) for name, value in parameters.items()}
        super().__init__(shown)
        parameter = parameters.get
        if parameter("against_version") == ALL:
            self["against_version"] = "the time before"
        if edge is not None:
            self["edge"] = edge_name(edge)
            self["callee"] = edge.callee
            caller, callee = (
                f"{edge.caller} {parameter('caller_version', '')}",
                f"{edge.callee} {parameter('callee_version', '')}",
            )
            self["who"] = f"{caller.strip()} → {callee.strip()} {edge.operation}"
        if "change" in parameters:
            self["meant"] = _what_changed(parameters)
        if "per_minute" in parameters:
            self["pace"] = (
                f"at {_Value(parameters['per_minute']):.3g} calls of {parameter('version')} a minute "
                f"that takes {_Value(parameter('eta_seconds')):span}"
                if parameters["per_minute"]
                else f"no call of {parameter('version')} is seen there"
            )
        if "new_bad" in parameters:
            new, old = (
                rate(parameter(f"{age}_bad"), parameter(f"{age}_calls")) for age in ("new", "old")
            )
            self["rates"] = f"{new} against {old} " + (
                f"on {parameter('against_version')}"
                if parameter("against_version") != ALL
                else "before"
            )


class _Value:
    """A parameter with the formats of our own: when, minute, ms, points, words, eta, span, doubt,
    through, meant, known.
    """

    def __init__(self, value: Parameter) -> None:
        self._value = value

    def __repr__(self) -> str:
        return repr(self._value)

    def __str__(self) -> str:
        return str(self._value)

    def __format__(self, form: str) -> str:
        value = self._value
        if form in ("when", "minute"):
            moment = datetime.fromisoformat(str(value))
            return f"{moment:%Y-%m-%d %H:%M:%S}" if form == "when" else f"{moment:%Y-%m-%d %H:%M}"
        if form == "place":
            return str(value or "/")
        if form == "words":
            return str(value).replace("_", " ")
        if form == "meant":
            return f"; did you mean {value}?" if value else ""
        if form == "known":
            return f"; nearest: {value}" if value else "; none is known yet"
        if form == "clock":  # of two that are compared, rounded, would often be the same
            return f"{timedelta(seconds=round(float(value or 0.0)))} h"
        if form == "eta":
            return (
                f", about {span(float(value or 0.0))} at the present rate"
                if value is not None
                else "; it has no traffic now"
            )
        if form == "span":
            return span(float(value or 0.0)) if value is not None else "for ever"
        if form == "doubt":
            return DOUBTS_TOLD.get(str(value), str(value))
        if form == "through":
            return f" through {value}" if value else ""
        if form in ("ms", "points"):
            return (
                "0"
                if value is None
                else f"{1000 * float(value):.0f}"
                if form == "ms"
                else f"{100 * float(value):.2f}"
            )
        return format(value, form)


def _what_changed(parameters: Mapping[str, Parameter]) -> str:
    old, new, factor = (
        float(parameters.get(name) or 0.0) for name in ("old_share", "new_share", "factor")
    )
    code, kind = (str(parameters.get(name) or "") for name in ("change", "kind"))
    return what_changed(code, kind, old, new, factor)
