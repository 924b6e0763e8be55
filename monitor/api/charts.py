"""Bokeh figures of an edge and of a ramp: lines by version (colour and dash), deploy markers,
provisional time shaded.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Literal

from monitor.model.printable import printable

if TYPE_CHECKING:
    from bokeh.plotting import figure as Figure  # noqa: N812 - it is a class

Theme = Literal["light", "dark"]
# Okabe and Ito (2008): told apart by people who see colours differently; a lighter set for dark
# ground.
_COLOURS = {
    "light": ("#0072b2", "#c4480a", "#00805d", "#a34d80", "#7a6a00", "#3a7ca8", "#444444"),
    "dark": ("#6cb8e6", "#f2a25c", "#4fd1a5", "#e39cc4", "#e6d85c", "#a9d3ee", "#cccccc"),
}
_INK = {"light": ("#3a424d", "#d9dee5", "#8a94a3"), "dark": ("#c4ccd8", "#333b47", "#7d8899")}
_DASHES = ("solid", "dashed", "dotted", "dotdash", "dashdot")
LONGEST_NAME = 40
PLOT_HEIGHT, LEGEND_ROW = 210, 28
LABEL_ROW, LABEL_ROWS = 15, 4
MOST_DOTS = 40
MOST_LINES = len(_COLOURS["light"])  # more cannot be told apart: the axis says how many there are
_SHEET = {"light": "#ffffff", "dark": "#171e27"}  # the ground of a chart, as in the style sheet


@dataclass(frozen=True, slots=True)
class Marker:
    """A deploy on the time axis."""

    at: datetime
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """What to draw: rows with a `time`, one line for each value of `by`, times from `since` to
    `until`.

    `columns` are drawn for each line, the first solid and the others thinner. `provisional_from`:
    sealed before it.
    """

    title: str
    unit: str
    rows: Sequence[Mapping[str, Any]]
    columns: Sequence[str]
    since: datetime
    until: datetime
    markers: Sequence[Marker] = ()
    provisional_from: datetime | None = None
    scale: float = 1.0
    share: bool = False


def draw(chart: Chart, by: Sequence[str], theme: Theme) -> dict[str, Any]:
    """The figure as Bokeh's JSON item, to be drawn by Bokeh.embed.embed_item."""
    # Bokeh takes 0.5 s to import: commands that draw nothing do not pay for it.
    from bokeh.embed import json_item  # noqa: PLC0415
    from bokeh.models import DatetimeTickFormatter, HoverTool, NumeralTickFormatter  # noqa: PLC0415
    from bokeh.models.ranges import Range1d  # noqa: PLC0415
    from bokeh.plotting import figure  # noqa: PLC0415

    plot = figure(
        height=PLOT_HEIGHT,
        sizing_mode="stretch_width",
        x_axis_type="datetime",
        tools="xpan,xwheel_zoom,reset",
        active_drag=None,
        active_scroll=None,
        x_range=Range1d(start=chart.since, end=chart.until),
        toolbar_location=None,
        title=None,
        y_axis_label=chart.unit,
        name=chart.title,
    )
    _dress(plot, theme)
    plot.xaxis.formatter = DatetimeTickFormatter(
        seconds="%H:%M:%S",
        minsec="%H:%M:%S",
        minutes="%H:%M",
        hourmin="%H:%M",
        hours="%H:%M",
        days="%d %b",
    )
    plot.yaxis.formatter = NumeralTickFormatter(format="0.[0] %" if chart.share else "0.[00]a")
    plot.y_range.update(start=0)
    _shade(plot, chart, theme)
    drawn = 0
    series = _series(chart.rows, by)
    if len(series) > MOST_LINES:
        plot.yaxis.axis_label = f"{chart.unit}; {MOST_LINES} of {len(series)} lines"
    for index, (name, rows) in enumerate(series[:MOST_LINES]):
        for nth, column in enumerate(chart.columns):
            points = [
                (row["time"], row[column] * chart.scale) for row in rows if row[column] is not None
            ]
            if not points:
                continue
            label = (
                _short(name)
                if len(chart.columns) == 1
                else f"{_short(name)} {column.rsplit('_', 1)[-1]}"
            )
            colour = _COLOURS[theme][index % len(_COLOURS[theme])]
            source = {
                "time": [at for at, _ in points],
                "value": [value for _, value in points],
                "line": [label] * len(points),
            }
            plot.line(
                "time",
                "value",
                source=source,
                legend_label=label,
                color=colour,
                line_width=2.2 if nth == 0 else 1.2,
                line_dash=_DASHES[index % len(_DASHES)],
                line_alpha=1.0 if nth == 0 else 0.6,
            )
            drawn += 1
            if len(points) > MOST_DOTS:
                continue  # they would hide the line on a narrow screen
            plot.scatter(
                "time",
                "value",
                source=source,
                color=colour,
                size=4 if len(points) > 2 else 7,
                marker="circle" if index % 2 == 0 else "square",
            )
    _mark(plot, chart, theme)
    if drawn:
        form = "@value{0.00 %}" if chart.share else "@value{0.000}"
        plot.add_tools(
            HoverTool(
                tooltips=[("", "@line"), ("time", "@time{%H:%M:%S}"), (chart.unit, form)],
                formatters={"@time": "datetime"},
                mode="mouse",
            )
        )
        plot.add_layout(plot.legend[0], "below")
        plot.legend[0].orientation = "horizontal"
        plot.legend[0].ncols = 2
        plot.legend[0].spacing = 8
        plot.height = PLOT_HEIGHT + LEGEND_ROW * ((drawn + 1) // 2)
        plot.legend[0].location = "bottom_left"
        plot.legend[0].click_policy = "hide"
    item: dict[str, Any] = dict(json_item(plot))
    return item


def warm() -> None:
    """Import what drawing needs, and draw nothing once: else the first reader waits for it."""
    now = datetime.now(UTC)
    draw(Chart("", "", (), (), now, now + timedelta(minutes=1), (Marker(now, ""),)), (), "light")


def _series(
    rows: Sequence[Mapping[str, Any]], by: Sequence[str]
) -> list[tuple[str, list[Mapping[str, Any]]]]:
    """Rows by line, the line with the most steps first."""
    lines: dict[str, list[Mapping[str, Any]]] = {}
    for row in rows:
        name = " → ".join(str(row[column]) or "?" for column in by)
        lines.setdefault(name, []).append(row)
    return sorted(lines.items(), key=lambda pair: (-len(pair[1]), pair[0]))


def _dress(plot: "Figure", theme: Theme) -> None:
    ink, grid, axis = _INK[theme]
    plot.background_fill_alpha = 0
    plot.border_fill_alpha = 0
    plot.outline_line_color = None
    plot.grid.grid_line_color = grid
    plot.xgrid.grid_line_alpha = 0.4
    for part in (plot.xaxis, plot.yaxis):
        part.axis_line_color = axis
        part.major_tick_line_color = axis
        part.minor_tick_line_color = None
        part.major_label_text_color = ink
        part.axis_label_text_color = ink
        part.axis_label_text_font_style = "normal"
        part.major_label_text_font = part.axis_label_text_font = "system-ui"
    plot.min_border_left = 56
    plot.min_border_right = 16
    from bokeh.models.annotations import Legend  # noqa: PLC0415 - as above

    plot.add_layout(
        Legend(
            background_fill_alpha=0,
            border_line_alpha=0,
            label_text_color=ink,
            label_text_font="system-ui",
            label_text_font_size="12px",
        )
    )


def _shade(plot: "Figure", chart: Chart, theme: Theme) -> None:
    if chart.provisional_from is None or chart.provisional_from >= chart.until:
        return
    from bokeh.models.annotations import BoxAnnotation  # noqa: PLC0415 - as above

    plot.add_layout(
        BoxAnnotation(
            left=max(chart.provisional_from, chart.since),
            right=chart.until,
            fill_color=_INK[theme][2],
            fill_alpha=0.12,
            hatch_pattern="right_diagonal_line",
            hatch_alpha=0.25,
            hatch_color=_INK[theme][2],
            line_alpha=0,
            level="underlay",
        )
    )


def _mark(plot: "Figure", chart: Chart, theme: Theme) -> None:
    from bokeh.models import Node  # noqa: PLC0415 - as above
    from bokeh.models.annotations import Label, Span  # noqa: PLC0415 - as above

    for marker, row, leftward in labelled(chart):
        plot.add_layout(
            Span(
                location=marker.at,
                dimension="height",
                line_color=_INK[theme][0],
                line_dash="dashed",
                line_width=1.2,
            )
        )
        plot.add_layout(
            Label(
                x=marker.at,
                y=Node(target="frame", symbol="top", offset=2 + LABEL_ROW * row),
                text_baseline="top",
                text_align="right" if leftward else "left",
                x_offset=-4 if leftward else 4,
                text=_short(marker.label),
                text_color=_INK[theme][0],
                text_font="system-ui",
                text_font_size="11px",
                background_fill_color=_SHEET[theme],
                background_fill_alpha=0.85,
            )
        )


def labelled(chart: Chart) -> list[tuple[Marker, int, bool]]:
    """Markers in range with the row of their label and whether it stands left of them: labels
    share a row where they do not meet.

    How wide a label is on the time axis is guessed for a narrow screen. Where no row has room, the
    line stands without its words.
    """
    span = chart.until - chart.since
    shown = sorted(
        (marker for marker in chart.markers if chart.since <= marker.at < chart.until),
        key=lambda marker: marker.at,
    )
    ends: list[datetime] = []
    placed: list[tuple[Marker, int, bool]] = []
    for marker in shown:
        width = span * min(0.6, 0.012 * (len(_short(marker.label)) + 2))
        leftward = marker.at + width > chart.until
        start, end = (marker.at - width, marker.at) if leftward else (marker.at, marker.at + width)
        row = next((number for number, taken in enumerate(ends) if taken <= start), len(ends))
        if row == LABEL_ROWS:
            placed.append((Marker(marker.at, "…"), LABEL_ROWS - 1, leftward))
            continue
        ends[row : row + 1] = [end]
        placed.append((marker, row, leftward))
    return placed


def _short(name: str) -> str:
    clean = printable(name, "·")
    return clean if len(clean) <= LONGEST_NAME else clean[: LONGEST_NAME - 1] + "…"
