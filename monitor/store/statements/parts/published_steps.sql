    -- newest published generations: whole hours where a step of time is made of these, and windows of ten seconds outside these
    hours AS (
        SELECT windows.window AS at, argMax(windows.generation, seq) AS number
        FROM windows
        WHERE level = 1 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window + 3600 <= toDateTime({until:UInt32})
          AND {step:UInt32} % 3600 = 0
        GROUP BY at
    ),
    tens AS (
        SELECT windows.window AS at, argMax(windows.generation, seq) AS number
        FROM windows
        WHERE level = 0 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window + 10 <= toDateTime({until:UInt32})
        GROUP BY at
        HAVING toStartOfHour(at) NOT IN (SELECT at FROM hours)
    ),
