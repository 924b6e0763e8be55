-- Calls, one row each, to rows of edge_windows.
SELECT
    call_window, {generation:UInt64}, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee,
    callee_version, protocol, operation,
    sum(counts), sum(counts * weight), sum(counts * is_failed),
    countIf(counts = 1 AND outcome = 'ok'), countIf(counts = 1 AND outcome = 'client_error'), countIf(counts = 1 AND outcome = 'server_error'),
    countIf(counts = 1 AND outcome = 'timeout'), countIf(counts = 1 AND outcome = 'cancelled'),
    sumMapIf(map(error_type, toUInt64(1)), counts = 1 AND error_type != ''),
    sumMapIf(map(outcome, toUInt64(1)), counts = 1 AND told = 1),
    countIf(verdict = 'valid'), countIf(verdict = 'violated'), sumMapIf(map(why, toUInt64(1)), verdict = 'not_checked'),
    countIf(counts = 1 AND paired = 1), countIf(counts = 1 AND paired = 0 AND has_client = 1 AND from_log = 0),
    countIf(counts = 1 AND paired = 0 AND has_client = 0 AND from_log = 0), countIf(from_log = 1), sum(folds),
    countIf(counts = 0 AND (is_failed = 1 OR outcome IN ('server_error', 'timeout', 'cancelled'))),
    sum(has_client), sum(has_server),
    sumIf(client_time, has_client = 1), sumIf(server_time, has_server = 1), sumIf(self_time, has_server = 1), sumIf(queue_time, has_queue = 1),
    sumMapIf(map(if(client_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(client_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_client = 1),
    sumMapIf(map(if(server_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(server_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_server = 1),
    sumMapIf(map(if(self_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(self_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_server = 1),
    sumMapIf(map(if(queue_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(queue_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_queue = 1),
    max(sampling),
    arrayDistinct([argMin(trace, cityHash64(trace)), argMax(trace, cityHash64(trace))]),
    arrayFilter(t -> t != toFixedString('', 16),
        arrayDistinct([argMinIf(trace, cityHash64(trace), outcome NOT IN ('ok', '') OR is_failed = 1 OR verdict = 'violated'),
                       argMaxIf(trace, cityHash64(trace), outcome NOT IN ('ok', '') OR is_failed = 1 OR verdict = 'violated')]))
FROM calls_seen
GROUP BY call_window, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version, protocol, operation
SETTINGS join_algorithm = 'hash', max_bytes_before_external_group_by = 2000000000
