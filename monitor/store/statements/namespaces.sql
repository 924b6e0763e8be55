-- In which namespaces does a service of this name live? By published windows.
WITH tens AS (
    SELECT windows.window AS at, argMax(windows.generation, seq) AS number
    FROM windows
    WHERE level = 0 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window < toDateTime({until:UInt32})
    GROUP BY at
)
SELECT s.namespace AS namespace
FROM sightings AS s
WHERE (s.window, s.generation) IN (SELECT at, number FROM tens)
  AND ({environment:String} = '' OR s.environment = {environment:String}) AND s.service = {service:String}
GROUP BY namespace
ORDER BY namespace
