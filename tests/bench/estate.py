"""A store as a large estate leaves it: windows and hours of many edges over many days, written
straight into the store's own tables.

Published are all windows of all days, twice each as a closer does (provisional, then sealed), and
all hours that ended. Rows of ten seconds are written for the last `fine_hours` only: 30 days of
2,000 edges are 518 million of them, and whoever looks further back reads hours.
"""

from dataclasses import dataclass

from monitor.model.edges import WINDOW_SECONDS
from monitor.store import Store

HOUR = 3600
SERVICES_PER_EDGE = 0.15
PROVISIONAL = 6

_WINDOWS = """INSERT INTO windows (seq, level, window, generation, sealed, arrivals, rows, late)
SELECT 2 * (number + 1) + {turn}, 0, toDateTime({since} + 10 * number), number + 1, {turn}, 1, 100, 0
FROM numbers({count})"""
_HOURS = """INSERT INTO windows (seq, level, window, generation, sealed, arrivals, rows, late)
SELECT 2 * 360 * (number + 1), 1, toDateTime({since} + 3600 * number), number + 1, 1, 0, 0, 0
FROM numbers({count})"""
_EDGES = """INSERT INTO {table}
(window, generation, environment, region, caller, caller_version, callee, callee_version, protocol,
 operation, calls, weighted_calls, failed, ok, server_error, error_types, valid, not_checked, both,
 client_only, client_calls, server_calls, client_ns, server_ns, self_ns, client_histogram,
 server_histogram, self_histogram, exemplars, failed_exemplars)
SELECT toDateTime({since} + {step} * at), at + {first}, 'production', 'eu',
    concat('service-', toString(edge % {services})), '1.0.0',
    concat('service-', toString((edge * 7 + intDiv(edge, {services}) + 1) % {services})),
    if(edge % 8 = 0 AND pair = 0, '1.1.0', '1.0.0'), 'http',
    concat('GET /things/', toString(edge % 40)),
    {calls} * (1 + edge % 17) AS counted, counted,
    if(edge % 50 = 0, intDiv(counted, 10), 0) AS bad, counted - bad, bad,
    if(bad > 0, map('500', toUInt64(bad)), CAST(map(), 'Map(LowCardinality(String), UInt64)')),
    intDiv(counted, 2), map('no_body', toUInt64(counted - intDiv(counted, 2))), counted, 0,
    counted, counted, counted * 30000000, counted * 20000000, counted * 9000000,
    mapFromArrays(arrayMap(i -> toInt16(-48 + edge % 9 + i), range(12)), arrayMap(i -> toUInt64(1 + intDiv(counted, 12)), range(12))) AS told,
    told, told, [toFixedString(unhex(hex(cityHash64(at, edge))) || '00000000', 16)], []
FROM (SELECT intDiv(number, {rows}) AS at, number % {rows} AS row,
      if(row < {edges}, row, (row - {edges}) * 8) AS edge, row >= {edges} AS pair
      FROM numbers({count}))"""
_SIGHTINGS = """INSERT INTO {table}
(window, generation, environment, namespace, service, version, instance, spans, server_calls, failed)
SELECT toDateTime({since} + {step} * at), at + {first}, 'production', '',
    concat('service-', toString(service)), if(copy = 0 AND service % 8 = 0, '1.1.0', '1.0.0'),
    concat('pod-', toString(service), '-', toString(copy)), 200, 100, if(service % 50 = 0, 9, 0)
FROM (SELECT intDiv(number, {services} * 3) AS at, intDiv(number, 3) % {services} AS service,
      number % 3 AS copy FROM numbers({count}))"""


@dataclass(frozen=True, slots=True)
class Estate:
    """How large it is, and where its time ends (s since the epoch, a border of windows)."""

    edges: int
    days: int
    fine_hours: int
    ends: int

    @property
    def services(self) -> int:
        """How many services these edges join."""
        return max(2, int(self.edges * SERVICES_PER_EDGE))

    @property
    def begins(self) -> int:
        """A whole hour."""
        return (self.ends - self.days * 24 * HOUR) // HOUR * HOUR

    @property
    def rows(self) -> int:
        """Of one window: an edge of eight is called in two version pairs."""
        return self.edges + self.edges // 8


def fill(store: Store, estate: Estate) -> None:
    """Write all of it. An hour a statement, so that memory stays bounded."""
    since, ends = estate.begins, estate.ends
    windows = (ends - since) // WINDOW_SECONDS
    store.command(_WINDOWS.format(turn=0, since=since, count=windows))
    store.command(_WINDOWS.format(turn=1, since=since, count=max(0, windows - PROVISIONAL)))
    hours = (ends - since) // HOUR
    store.command(_HOURS.format(since=since, count=hours))
    shape = {"services": estate.services, "rows": estate.rows, "edges": estate.edges}
    for begin in range(0, hours, 24):
        count = min(24, hours - begin)
        values = shape | {"since": since + begin * HOUR, "first": begin + 1, "step": HOUR}
        store.command(
            _EDGES.format(table="edge_hours", calls=3600, count=count * estate.rows, **values)
        )
        values = {"since": since + begin * HOUR, "first": begin + 1, "step": HOUR}
        alive = {"services": estate.services, "count": count * estate.services * 3}
        store.command(_SIGHTINGS.format(table="sighting_hours", **alive, **values))
    begin = max(0, windows - estate.fine_hours * 360)
    for at in range(begin, windows, 360):
        count = min(360, windows - at)
        fine = {"since": since + at * WINDOW_SECONDS, "first": at + 1}
        store.command(
            _EDGES.format(
                table="edge_windows", calls=10, count=count * estate.rows, step=10, **shape, **fine
            )
        )
        alive = {"services": estate.services, "count": count * estate.services * 3}
        store.command(_SIGHTINGS.format(table="sightings", step=10, **alive, **fine))
