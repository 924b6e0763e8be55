"""An earlier day of the same service, moved so that it stands before a case that began too late to
have a past of its own.
"""

from dataclasses import fields, replace
from typing import Any

import numpy as np

from monitor.detect.measure.series import DAY
from monitor.outside.told import Rows, Text, Told

FEW_BINS, WANTED_BINS = 12, 60
"""A case with fewer bins before the deploy is given so many of its history's."""


def with_past(rows: Rows, history: Rows, subject: Told) -> Rows:
    """The case's rows, after those of its history where it has hardly any before the deploy.

    The history is moved by whole days, so that hours stay what they are, or to the case's
    beginning where it is too short for that. What it tells of versions is of other releases: there
    all calls to the service are the old version's.
    """
    if not len(rows) or not len(history):
        return rows
    step, first = float(np.median(rows.step_s)), float(rows.ts.min())
    if np.unique(rows.ts[rows.ends <= subject.at]).size >= FEW_BINS:
        return rows
    ends = float(history.ends.max())
    days = float(np.ceil((first - ends) / DAY) * DAY)
    moved = days if float(history.ts.min()) + days <= first - FEW_BINS * step else first - ends
    past = replace(history, ts=history.ts + moved)
    past = past.take((past.ends <= first) & (past.ts >= first - WANTED_BINS * step))
    version = _old(past, subject)
    return _joined(
        replace(past, version=version, instance=Text(np.zeros(len(past), dtype=np.int32), ("",))),
        rows,
    )


def _old(past: Rows, subject: Told) -> Text:
    own = past.callee.is_any(subject.service)
    return Text(own.astype(np.int32), ("", subject.version_from))


def _joined(rows: Rows, other: Rows) -> Rows:
    values: dict[str, Any] = {}
    for field in fields(Rows):
        first, second = getattr(rows, field.name), getattr(other, field.name)
        values[field.name] = (
            _texts(first, second) if isinstance(first, Text) else np.concatenate([first, second])
        )
    return replace(rows, **values)


def _texts(first: Text, other: Text) -> Text:
    names = tuple(dict.fromkeys([*first.names, *other.names]))
    place = {name: code for code, name in enumerate(names)}
    codes = [
        np.array([place[name] for name in text.names], dtype=np.int32)[text.codes]
        for text in (first, other)
    ]
    return Text(np.concatenate(codes), names)
