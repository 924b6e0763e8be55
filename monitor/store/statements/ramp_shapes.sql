-- Which shapes answers of one callee had, by caller version, callee version, operation and status: those first seen before `until`.
WITH seen AS (
    SELECT s.caller AS caller, s.caller_version AS caller_version, s.callee_version AS callee_version, s.operation AS operation,
           s.status AS status, s.shape AS shape
    FROM shapes AS s
    WHERE s.callee = {service:String} AND s.hour >= toStartOfHour(toDateTime({since:UInt32})) AND s.hour < toDateTime({until:UInt32})
      AND s.environment = {environment:String} AND ({namespace:String} = '*' OR s.callee_namespace IN ('', {namespace:String}))
      AND s.side = 'response' AND s.shape != 0
    GROUP BY caller, caller_version, callee_version, operation, status, shape
    HAVING min(s.first) < toDateTime({until:UInt32}) AND max(s.last) >= toDateTime({since:UInt32})
)
SELECT caller, caller_version, callee_version, operation, status, arraySort(groupUniqArray(1000)(shape)) AS shapes
FROM seen
GROUP BY caller, caller_version, callee_version, operation, status
ORDER BY caller, caller_version, callee_version, operation, status
LIMIT 20000
