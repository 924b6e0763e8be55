-- When was each version of some services alive, by step of time? None named are all. Published windows that end before `until`.
WITH tens AS (
    SELECT windows.window AS at, argMax(windows.generation, seq) AS number
    FROM windows
    WHERE level = 0 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window + 10 <= toDateTime({until:UInt32})
    GROUP BY at
)
SELECT
    toUnixTimestamp(toStartOfInterval(s.window, toIntervalSecond({step:UInt32}))) AS at,
    s.environment AS environment, s.namespace AS namespace, s.service AS service, s.version AS version,
    sum(s.spans) AS spans, sum(s.server_calls) AS server_calls, uniqExactIf(s.instance, s.instance != '(logs)') AS instances,
    toUnixTimestamp(min(s.window)) AS first, toUnixTimestamp(max(s.window)) AS last
FROM sightings AS s
WHERE s.window >= toDateTime({since:UInt32}) AND s.window < toDateTime({until:UInt32}) AND (s.window, s.generation) IN (SELECT at, number FROM tens)
  AND ({environment:String} = '' OR s.environment = {environment:String})
  AND (empty({services:Array(String)}) OR s.service IN {services:Array(String)})
GROUP BY at, environment, namespace, service, version
ORDER BY environment, namespace, service, version, at
