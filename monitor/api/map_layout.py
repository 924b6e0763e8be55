"""Where services and the lines between them stand on the map: columns by depth of call, few
crossings.

The layered method of Sugiyama, Tagawa and Toda (1981): break circles, longest-path layers,
place-holders on long lines, sweeps by barycentre, then coordinates. Deterministic: equal input,
equal picture. Cost grows with services times lines; meant for some hundred.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

WIDTH, HEIGHT = 164, 46
COLUMN, ROW, PASSING = 284, 82, 26
MARGIN = 28
SWEEPS = 8

Line = tuple[str, str]
Place = str | tuple[int, int]
"""A service by name, or a place-holder of a long line: (line, column)."""


@dataclass(frozen=True, slots=True)
class Box:
    """A service's box: its name and upper left corner."""

    name: str
    x: float
    y: float


@dataclass(frozen=True, slots=True)
class Curve:
    """A line's SVG path from caller to callee, and where its label stands."""

    caller: str
    callee: str
    path: str
    label_x: float
    label_y: float


@dataclass(frozen=True, slots=True)
class Layout:
    """The whole picture in SVG user units."""

    width: float
    height: float
    boxes: Sequence[Box]
    curves: Sequence[Curve]


def lay_out(lines: Iterable[Line]) -> Layout:
    """Boxes and curves for the given (caller, callee) pairs; each pair once, order does not
    matter.
    """
    pairs = sorted(set(lines))
    names = sorted({name for pair in pairs for name in pair})
    if not names:
        return Layout(2 * MARGIN, 2 * MARGIN, (), ())
    backward = _backward(names, pairs)
    forward = [(b, a) if (a, b) in backward else (a, b) for a, b in pairs if a != b]
    layer = _layers(names, sorted(set(forward)))
    columns, chains = _with_place_holders(names, sorted(set(forward)), layer)
    places = _coordinates(_ordered(columns, chains))
    boxes = tuple(Box(name, *places[name]) for name in names)
    out, into = Counter(caller for caller, _ in pairs), Counter(callee for _, callee in pairs)
    curves = tuple(
        _curve(pair, places, chains, backward, fans_out=out[pair[0]] >= into[pair[1]])
        for pair in pairs
    )
    return Layout(
        max(x for x, _ in places.values())
        + WIDTH
        + MARGIN
        + (40 if any(a == b for a, b in pairs) else 0),
        max(y for _, y in places.values()) + HEIGHT + MARGIN + (26 if backward else 0),
        boxes,
        curves,
    )


def _backward(names: Sequence[str], pairs: Sequence[Line]) -> set[Line]:
    """The lines that close a circle, found depth first from the services that nobody calls."""
    after: dict[str, list[str]] = {name: [] for name in names}
    called = set()
    for caller, callee in pairs:
        if caller != callee:
            after[caller].append(callee)
            called.add(callee)
    done: set[str] = set()
    lines: set[Line] = set()
    for root in [name for name in names if name not in called] + list(names):
        if root in done:
            continue
        on_path = {root}
        stack = [(root, iter(after[root]))]
        while stack:
            name, rest = stack[-1]
            for callee in rest:
                if callee in on_path:
                    lines.add((name, callee))
                elif callee not in done:
                    on_path.add(callee)
                    stack.append((callee, iter(after[callee])))
                    break
            else:
                stack.pop()
                on_path.discard(name)
                done.add(name)
    return lines


def _layers(names: Sequence[str], forward: Sequence[Line]) -> dict[str, int]:
    """Longest path from a root; the lines have no circle."""
    waiting = dict.fromkeys(names, 0)
    after: dict[str, list[str]] = {name: [] for name in names}
    for caller, callee in forward:
        waiting[callee] += 1
        after[caller].append(callee)
    layer = dict.fromkeys(names, 0)
    ready = [name for name in names if waiting[name] == 0]
    while ready:
        name = ready.pop()
        for callee in after[name]:
            layer[callee] = max(layer[callee], layer[name] + 1)
            waiting[callee] -= 1
            if waiting[callee] == 0:
                ready.append(callee)
    return layer


def _with_place_holders(
    names: Sequence[str], forward: Sequence[Line], layer: Mapping[str, int]
) -> tuple[list[list[Place]], dict[Line, list[Place]]]:
    """Columns of names and place-holders, and the chain of each line through them."""
    columns: list[list[Place]] = [[] for _ in range(max(layer.values()) + 1)]
    for name in names:
        columns[layer[name]].append(name)
    chains: dict[Line, list[Place]] = {}
    for number, (caller, callee) in enumerate(forward):
        between: list[Place] = [
            (number, depth) for depth in range(layer[caller] + 1, layer[callee])
        ]
        for depth, holder in enumerate(between, layer[caller] + 1):
            columns[depth].append(holder)
        chains[caller, callee] = [caller, *between, callee]
    return columns, chains


def _ordered(columns: list[list[Place]], chains: Mapping[Line, list[Place]]) -> list[list[Place]]:
    """Each column sorted by the mean place of its neighbours, forth and back, a few times."""
    before: dict[Place, list[Place]] = {}
    after: dict[Place, list[Place]] = {}
    for chain in chains.values():
        for left, right in pairwise(chain):
            after.setdefault(left, []).append(right)
            before.setdefault(right, []).append(left)
    columns = [list(column) for column in columns]
    for sweep in range(SWEEPS):
        forth = sweep % 2 == 0
        neighbours = before if forth else after
        order = range(1, len(columns)) if forth else range(len(columns) - 2, -1, -1)
        for index in order:
            fixed = columns[index - 1 if forth else index + 1]
            place = {name: at for at, name in enumerate(fixed)}
            here = {name: at for at, name in enumerate(columns[index])}

            def mean(
                name: Place, place: Mapping[Place, int] = place, here: Mapping[Place, int] = here
            ) -> float:
                seen = [place[other] for other in neighbours.get(name, ()) if other in place]  # noqa: B023 - used within this turn
                return sum(seen) / len(seen) if seen else here[name]

            columns[index].sort(key=mean)
    return columns


def _coordinates(columns: Sequence[Sequence[Place]]) -> dict[Place, tuple[float, float]]:
    """Columns centred on each other. A line that passes takes less room than a box."""
    heights = [sum(_room(place) for place in column) for column in columns]
    places: dict[Place, tuple[float, float]] = {}
    for depth, column in enumerate(columns):
        top = MARGIN + (max(heights) - heights[depth]) / 2
        for name in column:
            places[name] = (MARGIN + depth * COLUMN, top + (_room(name) - ROW) / 2)
            top += _room(name)
    return places


def _room(place: Place) -> int:
    """How high the slot of a box or of a passing line is."""
    return ROW if isinstance(place, str) else PASSING


def _curve(
    pair: Line,
    places: Mapping[Place, tuple[float, float]],
    chains: Mapping[Line, list[Place]],
    backward: set[Line],
    *,
    fans_out: bool,
) -> Curve:
    """The line's path; its label stands nearer to the end where fewer lines meet."""
    caller, callee = pair
    if caller == callee:
        x, y = places[caller]
        right, middle = x + WIDTH, y + HEIGHT / 2
        return Curve(
            caller,
            callee,
            f"M{right} {middle - 10}C{right + 44} {middle - 26} {right + 44} {middle + 26} {right} {middle + 10}",
            right + 30,
            middle - 22,
        )
    if pair in backward:
        return _back_curve(pair, places)
    chain = [places[name] for name in chains[pair]]
    x, y = chain[0][0] + WIDTH, chain[0][1] + HEIGHT / 2
    path = f"M{x:g} {y:g}"
    for left, upper in chain[1:]:
        to_y, bend = upper + HEIGHT / 2, (left - x) / 2
        path += f"C{x + bend:g} {y:g} {left - bend:g} {to_y:g} {left:g} {to_y:g}"
        x, y = left + WIDTH, to_y
        if (left, upper) != chain[-1]:
            path += f"L{x:g} {y:g}"
    first_x, first_y = chain[0][0] + WIDTH, chain[0][1] + HEIGHT / 2
    next_x, next_y = chain[1][0], chain[1][1] + HEIGHT / 2
    across, down = (0.58, 0.7) if fans_out else (0.42, 0.3)
    return Curve(
        caller,
        callee,
        path,
        first_x + (next_x - first_x) * across,
        first_y + (next_y - first_y) * down,
    )


def _back_curve(pair: Line, places: Mapping[Place, tuple[float, float]]) -> Curve:
    """From under the caller to under the callee, below both."""
    (x1, y1), (x2, y2) = places[pair[0]], places[pair[1]]
    start, end = (x1 + WIDTH / 2, y1 + HEIGHT), (x2 + WIDTH / 2, y2 + HEIGHT)
    low = max(start[1], end[1]) + 34
    path = (
        f"M{start[0]:g} {start[1]:g}C{start[0]:g} {low:g} {end[0]:g} {low:g} {end[0]:g} {end[1]:g}"
    )
    return Curve(
        pair[0], pair[1], path, (start[0] + end[0]) / 2, (start[1] + end[1]) / 8 + low * 0.75
    )
