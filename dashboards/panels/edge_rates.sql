-- How many calls a second does each version pair of an edge make, and which share fails, over time?
{% include "parts/published.sql" %}
SELECT
    toStartOfInterval(window, toIntervalSecond({bucket_seconds:UInt32})) AS time,
    caller_version, callee_version,
    sum(calls) AS calls,
    sum(edge_windows.calls) / {bucket_seconds:UInt32} AS calls_per_second,
    greatest(sum(edge_windows.failed), sum(edge_windows.server_error) + sum(edge_windows.timeout)) / greatest(sum(edge_windows.calls), 1) AS failed_share,
    sum(edge_windows.provider_only['server_error'] + edge_windows.provider_only['timeout']) / greatest(sum(edge_windows.calls), 1) AS failed_by_provider_only_share,
    sum(timeout) / greatest(sum(edge_windows.calls), 1) AS timeout_share,
    if(sum(valid) + sum(violated) = 0, NULL, sum(violated) / (sum(valid) + sum(violated))) AS violated_share
FROM edge_windows
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND (window, generation) IN (SELECT at, published_generation FROM published)
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({caller:String} IN ('', caller, concat(caller_namespace, '/', caller)))
    AND ({callee:String} IN ('', callee, concat(callee_namespace, '/', callee)))
    AND ({protocol:String} = '' OR protocol = {protocol:String})
    AND ({operation:String} = '' OR operation = {operation:String})
GROUP BY time, caller_version, callee_version
ORDER BY time, caller_version, callee_version
