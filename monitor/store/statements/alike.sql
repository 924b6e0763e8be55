-- Calls that a service answers (side 2) or makes (side 1) in some windows, counted by all that tells one from another. Of `of` traces
-- one is read; `fold` parts these in two.
WITH
    own AS (
        SELECT * FROM halves FINAL
        WHERE window >= toDateTime({since:UInt32}) AND window < toDateTime({until:UInt32})
          AND cityHash64(trace) % {of:UInt32} = 0 AND side = {side:UInt8} AND kind IN (2, 3)
          AND ({environment:String} = '' OR environment = {environment:String})
          AND ({service:String} IN (service, concat(namespace, '/', service)))
    ),
    far AS (
        SELECT * FROM halves FINAL
        WHERE window >= toDateTime({since:UInt32} - 10) AND window < toDateTime({until:UInt32} + 10)
          AND cityHash64(trace) % {of:UInt32} = 0 AND side = 3 - {side:UInt8} AND kind IN (2, 3)
          AND (trace, call_span) IN (SELECT trace, call_span FROM own)
        ORDER BY end_ns DESC, own_span DESC
        LIMIT 1 BY trace, call_span
    ),
    sent AS (
        SELECT trace AS of_trace, span AS of_span, max(request_shape) AS shape FROM exchanges FINAL
        WHERE window >= toDateTime({since:UInt32} - 10) AND window < toDateTime({until:UInt32} + 10)
          AND cityHash64(trace) % {of:UInt32} = 0 AND has_trace = 1 AND request_shape != 0
        GROUP BY of_trace, of_span
    ),
    calls AS (
        SELECT
            if(mine.shape != 0, mine.shape, theirs.shape) AS shape,
            o.instance AS instance, if(o.region != '', o.region, o.cluster) AS zone, intDiv(cityHash64(o.trace), {of:UInt32}) % 2 AS fold,
            if({side:UInt8} = 2 OR f.side = 0, o.environment, f.environment) AS environment,
            multiIf({side:UInt8} = 1, o.namespace, f.namespace) AS caller_namespace,
            multiIf({side:UInt8} = 1, o.service, f.side = 1, f.service, o.call_span = o.own_span AND o.parent != o.own_span, 'user', 'unknown') AS caller,
            if({side:UInt8} = 1, o.version, f.version) AS caller_version,
            multiIf({side:UInt8} = 2, o.namespace, f.namespace) AS callee_namespace,
            multiIf({side:UInt8} = 2, o.service, f.side = 2, f.service, o.peer != '', o.peer, 'unknown') AS callee,
            if({side:UInt8} = 2, o.version, f.version) AS callee_version,
            if({side:UInt8} = 2 OR f.side = 0, o.protocol, f.protocol) AS protocol,
            if({side:UInt8} = 2 OR f.side = 0, o.operation, f.operation) AS operation,
            if({side:UInt8} = 1, o.outcome, f.outcome) AS caller_outcome,
            if({side:UInt8} = 2, o.outcome, f.outcome) AS callee_outcome,
            if({side:UInt8} = 1, 1, f.side = 1) AS has_client,
            if({side:UInt8} = 2, 1, f.side = 2) AS has_server,
            if(has_client AND (caller_outcome != 'ok' OR NOT has_server), caller_outcome, callee_outcome) AS outcome,
            multiIf({side:UInt8} = 2 AND o.failed = 0 AND o.outcome = 'ok', f.error_type, {side:UInt8} = 1 AND o.error_type = '', f.error_type, o.error_type) AS error_type,
            if(o.failure != '', o.failure, f.failure) AS failure,
            o.failed = 1 OR f.failed = 1 AS is_failed,
            has_client AND caller_outcome = 'ok' AND has_server AND callee_outcome IN ('server_error', 'timeout') AS told,
            toUInt64(if({side:UInt8} = 1, o.end_ns - o.start_ns, f.end_ns - f.start_ns)) AS client_time,
            toUInt64(if({side:UInt8} = 2, o.end_ns - o.start_ns, f.end_ns - f.start_ns)) AS server_time
        FROM own AS o LEFT JOIN far AS f ON o.trace = f.trace AND o.call_span = f.call_span
        LEFT JOIN sent AS mine ON o.trace = mine.of_trace AND o.own_span = mine.of_span
        LEFT JOIN sent AS theirs ON f.trace = theirs.of_trace AND f.own_span = theirs.of_span
    )
SELECT
    environment, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version, protocol, operation, instance, zone, fold,
    if(shape = 0, '', lower(leftPad(hex(shape), 16, '0'))) AS payload_shape,
    count() AS count, sumMapIf(map(concat(if(error_type != '', error_type, outcome), char(31), failure), toUInt64(1)), (outcome NOT IN ('ok', '') OR is_failed) AND (error_type != '' OR failure != '')) AS failures,
    countIf(outcome = 'server_error' AND NOT told) AS server_error, countIf(told) AS provider_error,
    countIf(outcome = 'client_error') AS client_error, countIf(outcome IN ('timeout', 'cancelled') AND NOT told) AS timeout,
    sumMapIf(map(if(client_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(client_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_client = 1) AS client_histogram,
    sumMapIf(map(if(server_time = 0, toInt16(-300), toInt16(ceil(log2(greatest(server_time, 1) / 1e9) * 8) - 1)), toUInt64(1)), has_server = 1) AS server_histogram
FROM calls
GROUP BY environment, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version, protocol, operation, instance, zone, fold, shape
ORDER BY environment, caller, callee, operation, caller_version, callee_version, instance, zone, fold, caller_namespace, callee_namespace, protocol, shape
LIMIT 20000
