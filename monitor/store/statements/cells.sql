-- Every published window, edge and version pair that one of some services takes part in, as caller or callee; none named are all.
-- By names first: of most rows nothing else is read.
WITH tens AS (
    SELECT windows.window AS at, argMax(windows.generation, seq) AS number, argMax(windows.sealed, seq) AS is_sealed
    FROM windows
    WHERE level = 0 AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32}) AND windows.window < toDateTime({until:UInt32})
    GROUP BY at
    HAVING {sealed_only:UInt8} = 0 OR is_sealed = 1
)
SELECT
    e.window AS window, e.environment AS environment, e.region AS region, e.caller_namespace AS caller_namespace, e.caller AS caller,
    e.caller_version AS caller_version, e.callee_namespace AS callee_namespace, e.callee AS callee, e.callee_version AS callee_version,
    e.protocol AS protocol, e.operation AS operation,
    sum(e.calls) AS calls, sum(e.weighted_calls) AS weighted_calls, sum(e.failed) AS failed, sum(e.ok) AS ok,
    sum(e.client_error) AS client_error, sum(e.server_error) AS server_error, sum(e.timeout) AS timeout, sum(e.cancelled) AS cancelled,
    sumMap(e.error_types) AS error_types, sumMap(e.provider_only) AS provider_only, sum(e.valid) AS valid, sum(e.violated) AS violated, sumMap(e.not_checked) AS not_checked,
    sum(e.both) AS both, sum(e.client_only) AS client_only, sum(e.server_only) AS server_only, sum(e.log_only) AS log_only, sum(e.folded) AS folded, sum(e.failed_attempts) AS failed_attempts,
    sum(e.client_calls) AS client_calls, sum(e.server_calls) AS server_calls, sum(e.client_ns) AS client_ns, sum(e.server_ns) AS server_ns,
    sumMap(e.client_histogram) AS client_histogram, sumMap(e.server_histogram) AS server_histogram,
    sumMap(e.self_histogram) AS self_histogram, sumMap(e.queue_histogram) AS queue_histogram,
    max(e.sampling) AS sampling, arraySlice(arrayDistinct(arrayFlatten(groupArray(4)(arrayConcat(e.failed_exemplars, e.exemplars)))), 1, 3) AS exemplars,
    max(tens.is_sealed) AS sealed
FROM edge_windows AS e
INNER JOIN tens ON e.window = tens.at AND e.generation = tens.number
PREWHERE empty({services:Array(String)}) OR e.caller IN {services:Array(String)} OR e.callee IN {services:Array(String)}
  OR (e.caller_namespace != '' AND concat(e.caller_namespace, '/', e.caller) IN {services:Array(String)})
  OR (e.callee_namespace != '' AND concat(e.callee_namespace, '/', e.callee) IN {services:Array(String)})
WHERE e.window >= toDateTime({since:UInt32}) AND e.window < toDateTime({until:UInt32})
  AND ({environment:String} = '' OR e.environment = {environment:String})
GROUP BY window, environment, region, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version, protocol, operation
ORDER BY window, environment, caller, callee, protocol, operation, caller_version, callee_version, region
