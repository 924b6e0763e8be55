-- Edges of published generations up to one sequence, grouped as asked: hours where whole hours are published, else windows.
WITH
{% include "parts/published.sql" %}
    cells AS (
        SELECT * FROM edge_windows WHERE (window, generation) IN (SELECT at, number FROM tens)
        UNION ALL
        SELECT * FROM edge_hours WHERE (window, generation) IN (SELECT at, number FROM hours)
    )
SELECT
    if({by_environment:UInt8} = 1, e.environment, '') AS environment, if({by_caller:UInt8} = 1, e.caller_namespace, '') AS caller_namespace,
    if({by_callee:UInt8} = 1, e.callee_namespace, '') AS callee_namespace, if({by_caller:UInt8} = 1, e.caller, '') AS caller,
    if({by_callee:UInt8} = 1, e.callee, '') AS callee, if({by_protocol:UInt8} = 1, e.protocol, '') AS protocol,
    if({by_operation:UInt8} = 1, e.operation, '') AS operation,
    if({by_versions:UInt8} = 1, e.caller_version, '') AS caller_version, if({by_versions:UInt8} = 1, e.callee_version, '') AS callee_version,
    sum(e.calls) AS calls, sum(e.weighted_calls) AS weighted_calls, sum(e.failed) AS failed, sum(e.ok) AS ok,
    sum(e.client_error) AS client_error, sum(e.server_error) AS server_error, sum(e.timeout) AS timeout, sum(e.cancelled) AS cancelled,
    sumMap(e.error_types) AS error_types, sumMap(e.provider_only) AS provider_only, sum(e.valid) AS valid, sum(e.violated) AS violated, sumMap(e.not_checked) AS not_checked,
    sum(e.both) AS both, sum(e.client_only) AS client_only, sum(e.server_only) AS server_only, sum(e.log_only) AS log_only, sum(e.folded) AS folded, sum(e.failed_attempts) AS failed_attempts,
    sum(e.client_calls) AS client_calls, sum(e.server_calls) AS server_calls, sum(e.client_ns) AS client_ns, sum(e.server_ns) AS server_ns,
    sumMap(e.client_histogram) AS client_histogram, sumMap(e.server_histogram) AS server_histogram,
    sumMap(e.queue_histogram) AS queue_histogram,
    max(e.sampling) AS sampling, arraySlice(arrayDistinct(arrayFlatten(groupArray(8)(arrayConcat(e.failed_exemplars, e.exemplars)))), 1, 5) AS exemplars
FROM cells AS e
WHERE ({environment:String} = '' OR e.environment = {environment:String})
    AND ({caller:String} = '' OR (e.caller IN arrayMap(part -> arrayStringConcat(arraySlice(splitByChar('/', {caller:String}), part), '/'), range(1, length(splitByChar('/', {caller:String})) + 1))
        AND (e.caller = {caller:String} OR (e.caller_namespace != '' AND concat(e.caller_namespace, '/', e.caller) = {caller:String}))))
    AND ({callee:String} = '' OR (e.callee IN arrayMap(part -> arrayStringConcat(arraySlice(splitByChar('/', {callee:String}), part), '/'), range(1, length(splitByChar('/', {callee:String})) + 1))
        AND (e.callee = {callee:String} OR (e.callee_namespace != '' AND concat(e.callee_namespace, '/', e.callee) = {callee:String}))))
    AND ({operation:String} = '' OR e.operation = {operation:String})
GROUP BY environment, caller_namespace, caller, callee_namespace, callee, protocol, operation, caller_version, callee_version
ORDER BY caller, callee, protocol, operation, caller_version, callee_version, environment, caller_namespace, callee_namespace
