-- One hour of edge_windows summed into edge_hours: what is published, but `fresh` windows from the new generation.
INSERT INTO edge_hours
(window, generation, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee,
 callee_version, protocol, operation, calls, weighted_calls, failed, ok, client_error, server_error, timeout, cancelled,
 error_types, provider_only, valid, violated, not_checked, both, client_only, server_only, log_only, folded, failed_attempts, client_calls, server_calls,
 client_ns, server_ns, self_ns, queue_ns, client_histogram, server_histogram, self_histogram, queue_histogram,
 sampling, exemplars, failed_exemplars)
{% include "parts/published_of_hour.sql" %}
SELECT toDateTime({hour:UInt32}), {generation:UInt64}, environment, cluster, region, caller_namespace, caller, caller_version,
    callee_namespace, callee, callee_version, protocol, operation, sum(calls), sum(weighted_calls), sum(failed), sum(ok), sum(client_error),
    sum(server_error), sum(timeout), sum(cancelled), sumMap(error_types), sumMap(provider_only), sum(valid), sum(violated), sumMap(not_checked), sum(both),
    sum(client_only), sum(server_only), sum(log_only), sum(folded), sum(failed_attempts), sum(client_calls), sum(server_calls), sum(client_ns), sum(server_ns), sum(self_ns),
    sum(queue_ns), sumMap(client_histogram), sumMap(server_histogram), sumMap(self_histogram), sumMap(queue_histogram), max(sampling),
    arraySlice(arrayFlatten(groupArray(2)(exemplars)), 1, 3), arraySlice(arrayFlatten(groupArray(8)(failed_exemplars)), 1, 3)
FROM edge_windows
{% include "parts/rows_of_hour.sql" %}
GROUP BY environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version, protocol, operation
