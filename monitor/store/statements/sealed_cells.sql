-- As `cells`, of sealed windows, in no order: each row as it was written. Grouping costs fifteen times as much, and rows of one key are
-- rare (an edge in two clusters of a region): who finds such asks `cells`.
{% include "parts/sealed_windows.sql" %}
SELECT
    e.window AS window, e.environment AS environment, e.region AS region, e.caller_namespace AS caller_namespace, e.caller AS caller,
    e.caller_version AS caller_version, e.callee_namespace AS callee_namespace, e.callee AS callee, e.callee_version AS callee_version,
    e.protocol AS protocol, e.operation AS operation,
    e.calls AS calls, e.weighted_calls AS weighted_calls, e.failed AS failed, e.ok AS ok,
    e.client_error AS client_error, e.server_error AS server_error, e.timeout AS timeout, e.cancelled AS cancelled,
    e.error_types AS error_types, e.provider_only AS provider_only, e.valid AS valid, e.violated AS violated, e.not_checked AS not_checked,
    e.both AS both, e.client_only AS client_only, e.server_only AS server_only, e.log_only AS log_only, e.folded AS folded, e.failed_attempts AS failed_attempts,
    e.client_calls AS client_calls, e.server_calls AS server_calls, e.client_ns AS client_ns, e.server_ns AS server_ns,
    e.client_histogram AS client_histogram, e.server_histogram AS server_histogram,
    e.self_histogram AS self_histogram, e.queue_histogram AS queue_histogram,
    e.sampling AS sampling, arraySlice(arrayDistinct(arrayConcat(e.failed_exemplars, e.exemplars)), 1, 3) AS exemplars
FROM edge_windows AS e
PREWHERE e.window >= toDateTime({since:UInt32}) AND e.window < toDateTime({until:UInt32})
  AND (empty({services:Array(String)}) OR e.caller IN {services:Array(String)} OR e.callee IN {services:Array(String)}
    OR (e.caller_namespace != '' AND concat(e.caller_namespace, '/', e.caller) IN {services:Array(String)})
    OR (e.callee_namespace != '' AND concat(e.callee_namespace, '/', e.callee) IN {services:Array(String)}))
WHERE (e.window, e.generation) IN (SELECT at, number FROM tens)
  AND ({environment:String} = '' OR e.environment = {environment:String})
