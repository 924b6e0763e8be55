-- Windows that batches touched, with what the last publishing had seen of them: those `only`, or all that are not done with.
SELECT
    toUnixTimestamp(a.window) AS window, a.arrivals AS arrivals, a.rows AS rows, a.oldest AS oldest_ingested_s, a.newest AS newest_arrival_s,
    p.seen AS seen, p.rows_seen AS rows_seen, p.late AS late, p.sealed AS sealed, p.generation AS generation,
    toUnixTimestamp(p.closed) AS closed_s, toUnixTimestamp(now()) AS now_s
FROM (
    SELECT arrivals.window AS window, count() AS arrivals, sum(arrivals.rows) AS rows, toUnixTimestamp(min(ingested)) AS oldest,
           toUnixTimestamp(max(ingested)) AS newest
    FROM arrivals
{% if only %}
    WHERE arrivals.window IN {only:Array(UInt32)}
{% endif %}
    GROUP BY window
) AS a
LEFT JOIN (
    SELECT windows.window AS window, argMax(windows.arrivals, seq) AS seen, argMax(windows.rows, seq) AS rows_seen,
           argMax(windows.late, seq) AS late, argMax(windows.sealed, seq) AS sealed, argMax(windows.generation, seq) AS generation,
           argMax(closed_at, seq) AS closed
    FROM windows
    WHERE level = 0
{% if only %}
      AND windows.window IN {only:Array(UInt32)}
{% endif %}
    GROUP BY window
) AS p ON a.window = p.window
{% if not only %}
WHERE a.arrivals > p.seen OR p.sealed = 0
{% endif %}
ORDER BY window
