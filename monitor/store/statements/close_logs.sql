-- Exchanges of windows first..last that no span shows make calls of their own: rows of edge_windows under one generation.
INSERT INTO edge_windows
(window, generation, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee,
 callee_version, protocol, operation, calls, weighted_calls, failed, ok, client_error, server_error, timeout, cancelled,
 error_types, valid, violated, not_checked, both, client_only, server_only, log_only, client_calls, server_calls,
 client_ns, server_ns, self_ns, queue_ns, client_histogram, server_histogram, self_histogram, queue_histogram,
 sampling, exemplars, failed_exemplars)
WITH
    toDateTime({first:UInt32}) AS first_window,
    toDateTime({last:UInt32}) AS last_window,
    first_window - 10 AS lowest,
    last_window + 10 AS highest,
    -- exchanges that no span shows make calls of their own
    log_calls AS (
        SELECT
            e.window AS call_window, e.environment AS environment, '' AS cluster, '' AS region,
            '' AS caller_namespace, if(e.caller != '', e.caller, 'unknown') AS caller, e.caller_version AS caller_version,
            e.callee_namespace AS callee_namespace, if(e.callee != '', e.callee, 'unknown') AS callee, e.callee_version AS callee_version,
            e.protocol AS protocol, e.operation AS operation,
            toUInt8(1) AS counts, e.outcome AS outcome, e.error_type AS error_type, toUInt8(e.outcome = 'server_error') AS is_failed,
            toUInt8(e.side = 1 AND e.has_duration = 1) AS has_client, toUInt8(e.side = 2 AND e.has_duration = 1) AS has_server,
            toUInt8(1) AS from_log, toUInt8(0) AS paired,
            e.duration_ns AS client_time, e.duration_ns AS server_time, e.duration_ns AS self_time,
            toUInt64(0) AS queue_time, toUInt8(0) AS has_queue,
            toFloat64(1) AS weight, toUInt8(0) AS sampling, e.trace AS trace, e.checked AS verdict, e.reason AS why
        FROM (
            SELECT * FROM exchanges FINAL
            WHERE window BETWEEN first_window AND last_window AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
            ORDER BY side DESC, source_id, partition, offset, `index`
            LIMIT 1 BY has_trace, trace, span, if(has_trace = 1, ('', toUInt32(0), toUInt64(0), toUInt32(0)), (toString(source_id), partition, offset, `index`))
        ) AS e
        WHERE e.has_trace = 0 OR (
            (e.trace, e.span) NOT IN (SELECT own_trace, own_span FROM halves WHERE window BETWEEN lowest AND highest
                AND own_trace IN (SELECT trace FROM exchanges WHERE window BETWEEN first_window AND last_window))
            AND (e.trace, e.span) NOT IN (SELECT trace, call_span FROM halves WHERE window BETWEEN lowest AND highest
                AND trace IN (SELECT trace FROM exchanges WHERE window BETWEEN first_window AND last_window)))
    ),
    calls_seen AS (
        SELECT * FROM log_calls
    )
SELECT
    call_window, {generation:UInt64}, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee,
    callee_version, protocol, operation,
    sum(counts), sum(counts * weight), sum(counts * is_failed),
    countIf(counts = 1 AND outcome = 'ok'), countIf(counts = 1 AND outcome = 'client_error'), countIf(counts = 1 AND outcome = 'server_error'),
    countIf(counts = 1 AND outcome = 'timeout'), countIf(counts = 1 AND outcome = 'cancelled'),
    sumMapIf(map(error_type, toUInt64(1)), counts = 1 AND error_type != ''),
    countIf(verdict = 'valid'), countIf(verdict = 'violated'), sumMapIf(map(why, toUInt64(1)), verdict = 'not_checked'),
    countIf(counts = 1 AND paired = 1), countIf(counts = 1 AND paired = 0 AND has_client = 1 AND from_log = 0),
    countIf(counts = 1 AND paired = 0 AND has_client = 0 AND from_log = 0), countIf(from_log = 1),
    sum(has_client), sum(has_server),
    sumIf(client_time, has_client = 1), sumIf(server_time, has_server = 1), sumIf(self_time, has_server = 1), sumIf(queue_time, has_queue = 1),
    sumMapIf(map(if(client_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(client_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_client = 1),
    sumMapIf(map(if(server_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(server_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_server = 1),
    sumMapIf(map(if(self_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(self_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_server = 1),
    sumMapIf(map(if(queue_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(queue_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_queue = 1),
    max(sampling),
    arrayDistinct([argMin(trace, cityHash64(trace)), argMax(trace, cityHash64(trace))]),
    arrayFilter(t -> t != toFixedString('', 16),
        arrayDistinct([argMinIf(trace, cityHash64(trace), outcome != 'ok' OR is_failed = 1 OR verdict = 'violated'),
                       argMaxIf(trace, cityHash64(trace), outcome != 'ok' OR is_failed = 1 OR verdict = 'violated')]))
FROM calls_seen
GROUP BY call_window, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version, protocol, operation
SETTINGS join_algorithm = 'hash', max_bytes_before_external_group_by = 2000000000
