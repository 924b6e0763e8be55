-- Windows by their newest publications: those `only`, or those of which anything was published after a sequence.
SELECT
    toUnixTimestamp(windows.window) AS window, count() AS publications, max(windows.seq) AS newest, argMax(windows.generation, seq) AS generation,
    argMax(windows.sealed, seq) AS sealed, argMax(windows.arrivals, seq) AS arrivals, argMax(windows.rows, seq) AS rows,
    argMax(windows.late, seq) AS late, toUnixTimestamp(argMax(closed_at, seq)) AS closed_s
FROM windows
WHERE level = 0
{% if only %}
  AND windows.window IN {only:Array(UInt32)}
{% else %}
  AND windows.window IN (SELECT changed.window FROM windows AS changed WHERE level = 0 AND seq > {after:UInt64})
{% endif %}
GROUP BY window
ORDER BY window
