-- windows of an hour by their published generations, but for `fresh` ones
WITH published AS (
    SELECT windows.window AS at, argMax(windows.generation, seq) AS number
    FROM windows
    WHERE level = 0 AND windows.window >= toDateTime({hour:UInt32}) AND windows.window < toDateTime({hour:UInt32} + 3600)
      AND windows.window NOT IN {fresh:Array(UInt32)}
    GROUP BY at
)
