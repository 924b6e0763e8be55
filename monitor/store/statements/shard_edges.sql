-- Rows of edge_windows of some windows, each by the generation beside it.
SELECT
    toUInt32(e.window) AS window, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee,
    callee_version, protocol, operation, calls, weighted_calls, failed, ok, client_error, server_error, timeout, cancelled, error_types,
    provider_only, valid, violated, not_checked, both, client_only, server_only, log_only, folded, failed_attempts, client_calls, server_calls,
    client_ns, server_ns, self_ns, queue_ns, client_histogram, server_histogram, self_histogram, queue_histogram, sampling, exemplars,
    failed_exemplars
FROM edge_windows AS e
WHERE e.window IN {due:Array(UInt32)}
  AND (toUInt32(e.window), generation) IN (SELECT arrayJoin(arrayZip({due:Array(UInt32)}, {generations:Array(UInt64)})))
