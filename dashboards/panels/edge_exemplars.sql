-- Which traces show the calls of an edge, failed ones first, newest first?
{% include "parts/published.sql" %}
SELECT caller_version, callee_version, operation, window, is_failed, trace_id
FROM (
    SELECT
        caller_version, callee_version, operation, window,
        arrayJoin(arrayConcat(arrayMap(id -> (id, 1), failed_exemplars), arrayMap(id -> (id, 0), exemplars))) AS marked,
        lower(hex(marked.1)) AS trace_id, marked.2 AS is_failed
    FROM edge_windows
    WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({caller:String} IN ('', caller, concat(caller_namespace, '/', caller)))
    AND ({callee:String} IN ('', callee, concat(callee_namespace, '/', callee)))
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
    ORDER BY is_failed DESC, window DESC, trace_id
    LIMIT 1 BY trace_id
)
ORDER BY is_failed DESC, window DESC, trace_id
LIMIT 3 BY caller_version, callee_version, is_failed
LIMIT {limit:UInt32}
