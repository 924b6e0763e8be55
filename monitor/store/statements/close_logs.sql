-- Exchanges of the windows `due` that no span shows make calls of their own: rows of edge_windows under one generation.
-- include into_edge_windows
    -- exchanges that no span shows make calls of their own
    log_calls AS (
        SELECT
            e.window AS call_window, e.environment AS environment, '' AS cluster, '' AS region,
            '' AS caller_namespace, if(e.caller != '', e.caller, 'unknown') AS caller, e.caller_version AS caller_version,
            e.callee_namespace AS callee_namespace, if(e.callee != '', e.callee, 'unknown') AS callee, e.callee_version AS callee_version,
            e.protocol AS protocol, e.operation AS operation,
            toUInt8(1) AS counts, e.outcome AS outcome, e.error_type AS error_type,
            toUInt8(e.outcome IN ('server_error', 'timeout')) AS is_failed, toUInt8(0) AS told,
            toUInt8(e.side = 1 AND e.has_duration = 1) AS has_client, toUInt8(e.side = 2 AND e.has_duration = 1) AS has_server,
            toUInt8(1) AS from_log, toUInt64(0) AS folds, toUInt8(0) AS paired,
            e.duration_ns AS client_time, e.duration_ns AS server_time, e.duration_ns AS self_time,
            toUInt64(0) AS queue_time, toUInt8(0) AS has_queue,
            toFloat64(1) AS weight, toUInt8(0) AS sampling, e.trace AS trace, e.checked AS verdict, e.reason AS why
        FROM (
            SELECT * FROM exchanges FINAL
            WHERE window IN {due:Array(UInt32)} AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
            ORDER BY side DESC, source_id, partition, offset, `index`
            LIMIT 1 BY has_trace, trace, span, if(has_trace = 1 AND protocol != 'messaging', ('', toUInt32(0), toUInt64(0), toUInt32(0)), (toString(source_id), partition, offset, `index`))
        ) AS e
        WHERE e.has_trace = 0 OR (
            (e.trace, e.span) NOT IN (SELECT own_trace, own_span FROM halves WHERE window IN {near:Array(UInt32)}
                AND own_trace IN (SELECT trace FROM exchanges WHERE window IN {due:Array(UInt32)}))
            AND (e.trace, e.span) NOT IN (SELECT trace, call_span FROM halves WHERE window IN {near:Array(UInt32)}
                AND trace IN (SELECT trace FROM exchanges WHERE window IN {due:Array(UInt32)})))
    ),
    calls_seen AS (
        SELECT * FROM log_calls
    )
-- include calls_to_rows
