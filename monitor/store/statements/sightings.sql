-- Versions and instances seen alive in published windows, by spans: API logs tell no instances.
WITH tens AS (
    SELECT windows.window AS at, argMax(windows.generation, seq) AS number
    FROM windows
    WHERE level = 0 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window < toDateTime({until:UInt32})
    GROUP BY at
)
SELECT s.window AS window, s.environment AS environment, s.namespace AS namespace, s.service AS service, s.version AS version,
       s.instance AS instance, sum(s.spans) AS spans, sum(s.server_calls) AS server_calls, sum(s.failed) AS failed
FROM sightings AS s
WHERE s.instance != '(logs)' AND (s.window, s.generation) IN (SELECT at, number FROM tens)
  AND ({environment:String} = '' OR s.environment = {environment:String}) AND ({service:String} IN ('', s.service, concat(s.namespace, '/', s.service)))
GROUP BY window, environment, namespace, service, version, instance
ORDER BY window, environment, service, version, instance
