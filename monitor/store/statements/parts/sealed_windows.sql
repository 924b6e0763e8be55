-- sealed windows of ten seconds by their newest published generations
WITH tens AS (
    SELECT windows.window AS at, argMax(windows.generation, seq) AS number, argMax(windows.sealed, seq) AS is_sealed
    FROM windows
    WHERE level = 0 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window < toDateTime({until:UInt32})
    GROUP BY at
    HAVING is_sealed = 1
)
