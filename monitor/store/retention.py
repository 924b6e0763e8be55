"""How long rows are kept: TTLs by setting, changed only where they differ."""

from collections.abc import Mapping

from monitor.store.client import Store

# Tables by the setting that bounds them; all count from the time of writing, so that a year-old recording is kept.
BY_SETTING: Mapping[str, tuple[str, ...]] = {
    "halves_days": ("halves", "inner_spans", "long_spans", "exchanges"),
    "message_hours": ("message_ends",),
    "windows_days": ("edge_windows", "sightings"),
    "hours_months": ("edge_hours", "interactions"),
    "violations_days": ("violations",),
    "ledger_days": ("ledger", "losses", "rejects"),
    "evidence_days": ("evidence",),
}
_UNITS = {"days": "Day", "hours": "Hour", "months": "Month"}


def keep_for(store: Store, kept: Mapping[str, int]) -> list[str]:
    """Set the TTLs named in BY_SETTING; returns the tables that changed. `arrivals` outlive halves tenfold, at least 30 days."""
    wanted = {
        table: (int(kept[setting]), _UNITS[setting.rsplit("_", 1)[1]])
        for setting, tables in BY_SETTING.items()
        for table in tables
        if setting in kept
    }
    if "halves_days" in kept:
        wanted["arrivals"] = (max(30, 10 * int(kept["halves_days"])), "Day")
    changed = []
    for row in store.ask("table_engines"):
        number, unit = wanted.get(row["name"], (0, ""))
        if number and f"TTL ingested + toInterval{unit}({number})" not in row["engine_full"]:
            store.command(f"ALTER TABLE {row['name']} MODIFY TTL ingested + toInterval{unit}({number})")
            changed.append(str(row["name"]))
    return changed
