-- What a service called and was called, by step of time, version pair and operation: published windows that end before `until`.
WITH
{% include "parts/published_steps.sql" %}
    cells AS (
        SELECT * FROM edge_windows
        WHERE window >= toDateTime({since:UInt32}) AND window < toDateTime({until:UInt32})
          AND (callee = {service:String} OR caller = {service:String}) AND (window, generation) IN (SELECT at, number FROM tens)
        UNION ALL
        SELECT * FROM edge_hours
        WHERE window >= toDateTime({since:UInt32}) AND window < toDateTime({until:UInt32})
          AND (callee = {service:String} OR caller = {service:String}) AND (window, generation) IN (SELECT at, number FROM hours)
    )
SELECT
    toUnixTimestamp(toStartOfInterval(e.window, toIntervalSecond({step:UInt32}))) AS at,
    e.caller_namespace AS caller_namespace, e.caller AS caller, e.caller_version AS caller_version,
    e.callee_namespace AS callee_namespace, e.callee AS callee, e.callee_version AS callee_version,
    e.protocol AS protocol, e.operation AS operation,
    sum(e.calls) AS calls, greatest(sum(e.failed), sum(e.server_error) + sum(e.timeout)) AS bad,
    sum(e.ok) AS ok, sum(e.client_error) AS client_error, sum(e.server_error) AS server_error, sum(e.timeout) AS timeout, sum(e.cancelled) AS cancelled,
    sum(e.valid) AS valid, sum(e.violated) AS violated, sumMap(e.not_checked) AS not_checked,
    sumMap(e.client_histogram) AS client_histogram, sumMap(e.server_histogram) AS server_histogram, sumMap(e.queue_histogram) AS queue_histogram,
    sum(e.both) AS both, max(e.sampling) AS sampling, toUnixTimestamp(max(e.window)) AS last
FROM cells AS e
WHERE e.environment = {environment:String}
  AND ({namespace:String} = '*' OR (e.caller = {service:String} AND e.caller_namespace = {namespace:String}) OR (e.callee = {service:String} AND e.callee_namespace = {namespace:String}))
GROUP BY at, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version, protocol, operation
ORDER BY at, caller, callee, protocol, operation, caller_version, callee_version, caller_namespace, callee_namespace
