-- Which traces show the calls of an edge, failed ones first, newest first?
{% include "parts/cells.sql" %}
SELECT caller_version, callee_version, operation, window, is_failed, trace_id
FROM (
    SELECT
        caller_version, callee_version, operation, window,
        arrayJoin(arrayConcat(arrayMap(id -> (id, 1), failed_exemplars), arrayMap(id -> (id, 0), exemplars))) AS marked,
        lower(hex(marked.1)) AS trace_id, marked.2 AS is_failed
    FROM cells AS e
    WHERE ({environment:String} = '' OR environment = {environment:String})
    AND ({caller:String} = '' OR caller = {caller:String} OR (caller_namespace != '' AND concat(caller_namespace, '/', caller) = {caller:String}))
    AND ({callee:String} = '' OR callee = {callee:String} OR (callee_namespace != '' AND concat(callee_namespace, '/', callee) = {callee:String}))
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
    ORDER BY is_failed DESC, window DESC, trace_id
    LIMIT 1 BY trace_id
)
ORDER BY is_failed DESC, window DESC, trace_id
LIMIT 3 BY caller_version, callee_version, is_failed
LIMIT {limit:UInt32}
