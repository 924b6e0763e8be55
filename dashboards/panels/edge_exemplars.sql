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
{% include "parts/of_edge.sql" %}
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
    ORDER BY is_failed DESC, window DESC, trace_id
    LIMIT 1 BY trace_id
)
ORDER BY is_failed DESC, window DESC, trace_id
LIMIT 3 BY caller_version, callee_version, is_failed
LIMIT {limit:UInt32}
