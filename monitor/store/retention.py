"""How long rows are kept: TTLs by setting, changed only where they differ."""

from collections.abc import Mapping

from monitor.store.client import Store

# Tables by the setting that bounds them; all count from the time of writing, so that a year-old
# recording is kept.
BY_SETTING: Mapping[str, tuple[str, ...]] = {
    "halves_days": ("halves", "inner_spans", "long_spans", "exchanges", "builds"),
    "message_hours": ("message_ends",),
    "windows_days": ("edge_windows", "sightings"),
    "hours_months": ("edge_hours", "sighting_hours", "interactions"),
    "violations_days": ("violations", "shapes", "shape_texts", "shape_marks", "mock_hours"),
    "ledger_days": ("ledger", "losses", "rejects"),
    "evidence_days": ("evidence",),
}
MARGIN_DAYS = 10
"""Rows are dropped some time after their TTL."""
_UNITS = {"days": "Day", "hours": "Hour", "months": "Month"}


def keep_for(store: Store, kept: Mapping[str, int]) -> list[str]:
    """Set the TTLs named in BY_SETTING; returns the tables that changed. `arrivals` outlive halves
    tenfold, at least 30 days; what was published of windows of ten seconds outlives these and the
    arrivals.
    """
    wanted = {
        table: (int(kept[setting]), _UNITS[setting.rsplit("_", 1)[1]])
        for setting, tables in BY_SETTING.items()
        for table in tables
        if setting in kept
    }
    if "halves_days" in kept:
        wanted["arrivals"] = (max(30, 10 * int(kept["halves_days"])), "Day")
    bounds = {
        table: f"ingested + toInterval{unit}({number})" for table, (number, unit) in wanted.items()
    }
    if {"arrivals", "edge_windows"} <= wanted.keys():
        days = MARGIN_DAYS + max(wanted[table][0] for table in ("arrivals", "edge_windows"))
        bounds["windows"] = f"toDateTime(closed_at) + toIntervalDay({days}) WHERE level = 0"
    changed = []
    for row in store.ask("table_engines"):
        bound = bounds.get(row["name"])
        if bound and f"TTL {bound}" not in row["engine_full"]:
            store.command(f"ALTER TABLE {row['name']} MODIFY TTL {bound}")
            changed.append(str(row["name"]))
    return changed
