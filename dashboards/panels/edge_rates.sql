-- How many calls a second does each version pair of an edge make, and which share fails, over time?
{% include "parts/cells_by_time.sql" %}
SELECT
    toStartOfInterval(window, toIntervalSecond({bucket_seconds:UInt32})) AS time,
    caller_version, callee_version,
    sum(calls) AS calls,
    sum(e.calls) / {bucket_seconds:UInt32} AS calls_per_second,
    greatest(sum(e.failed), sum(e.server_error) + sum(e.timeout)) / greatest(sum(e.calls), 1) AS failed_share,
    sum(e.provider_only['server_error'] + e.provider_only['timeout']) / greatest(sum(e.calls), 1) AS failed_by_provider_only_share,
    sum(timeout) / greatest(sum(e.calls), 1) AS timeout_share,
    if(sum(valid) + sum(violated) = 0, NULL, sum(violated) / (sum(valid) + sum(violated))) AS violated_share
FROM cells AS e
WHERE ({environment:String} = '' OR environment = {environment:String})
{% include "parts/of_edge.sql" %}
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
GROUP BY time, caller_version, callee_version
ORDER BY time, caller_version, callee_version
