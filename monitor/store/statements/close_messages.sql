-- Messages of windows first..last to rows of edge_windows under one generation: a consumer's call stands in the consumer's
-- window, its producer is looked up however long ago; a producer that nobody has consumed stands in its own.
-- include into_edge_windows
    consumers AS (
        SELECT * FROM halves FINAL
        WHERE window BETWEEN first_window AND last_window AND side = 2 AND kind = 5
          AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
    ),
    producers AS (
        SELECT trace, call_span, side, namespace, service, version, start_ns, end_ns, failed, weight, sampling
        FROM message_ends FINAL
        WHERE side = 1 AND (trace, call_span) IN (SELECT trace, call_span FROM consumers)
        UNION ALL
        SELECT trace, call_span, side, namespace, service, version, start_ns, end_ns, failed, weight, sampling
        FROM halves FINAL
        WHERE window BETWEEN lowest AND highest AND kind = 3 AND protocol != 'messaging'
          AND (trace, call_span) IN (SELECT trace, call_span FROM consumers)
    ),
    -- how long a consumer's own outgoing calls took, as a union of intervals, to which duplicates add nothing
    outgoing AS (
        SELECT s.own_trace AS trace, s.own_span AS own_span,
               intervalLengthSum(greatest(c.start_ns, s.start_ns), least(c.end_ns, s.end_ns)) AS busy_ns
        FROM (SELECT cityHash64(own_trace, service, instance) AS place, own_trace, own_span, start_ns, end_ns FROM consumers WHERE primary = 1) AS s
        INNER JOIN (SELECT cityHash64(own_trace, service, instance) AS place, start_ns, end_ns FROM halves
              WHERE window BETWEEN lowest AND highest AND side = 1 AND own_trace IN (SELECT own_trace FROM consumers)) AS c
            ON s.place = c.place
        WHERE c.end_ns > s.start_ns AND c.start_ns < s.end_ns
        GROUP BY s.own_trace, s.own_span
    ),
-- include checks
    -- a message waits: its call is counted in its consumer's window, however long ago it was produced
    message_calls AS (
        SELECT
            m.window AS call_window, m.environment AS environment, m.cluster AS cluster, m.region AS region,
            p.namespace AS caller_namespace,
            multiIf(p.side = 1, p.service, m.call_span = m.own_span, 'user', 'unknown') AS caller,
            p.version AS caller_version,
            m.namespace AS callee_namespace, m.service AS callee, m.version AS callee_version,
            m.protocol AS protocol, m.operation AS operation,
            toUInt8(1) AS counts,
            if(m.primary = 1, m.outcome, 'ok') AS outcome,
            if(m.primary = 1, m.error_type, '') AS error_type,
            toUInt8(p.failed = 1 OR (m.primary = 1 AND m.failed = 1)) AS is_failed,
            toUInt8(p.side = 1) AS has_client, toUInt8(m.primary = 1) AS has_server, toUInt8(0) AS from_log,
            toUInt8(p.side = 1) AS paired,
            toUInt64(p.end_ns - p.start_ns) AS client_time, toUInt64(m.end_ns - m.start_ns) AS server_time,
            toUInt64(greatest(0, toInt64(m.end_ns - m.start_ns) - toInt64(o.busy_ns))) AS self_time,
            toUInt64(if(p.side = 1 AND m.start_ns > p.end_ns, m.start_ns - p.end_ns, 0)) AS queue_time,
            toUInt8(p.side = 1) AS has_queue,
            if(p.side = 1, p.weight, m.weight) AS weight, greatest(p.sampling, m.sampling) AS sampling,
            m.own_trace AS trace, ks.verdict AS verdict, ks.why AS why
        FROM consumers AS m
        LEFT JOIN producers AS p ON m.trace = p.trace AND m.call_span = p.call_span
        LEFT JOIN outgoing AS o ON m.own_trace = o.trace AND m.own_span = o.own_span
        LEFT JOIN checks AS ks ON m.own_trace = ks.trace AND m.own_span = ks.span
    ),
    -- messages that nobody has consumed so far
    lone_producers AS (
        SELECT
            m.window AS call_window, m.environment AS environment, m.cluster AS cluster, m.region AS region,
            m.namespace AS caller_namespace, m.service AS caller, m.version AS caller_version,
            '' AS callee_namespace, if(m.peer != '', m.peer, 'unknown') AS callee, '' AS callee_version,
            m.protocol AS protocol, m.operation AS operation,
            toUInt8(1) AS counts, m.outcome AS outcome, m.error_type AS error_type, m.failed AS is_failed,
            toUInt8(1) AS has_client, toUInt8(0) AS has_server, toUInt8(0) AS from_log, toUInt8(0) AS paired,
            toUInt64(m.end_ns - m.start_ns) AS client_time, toUInt64(0) AS server_time, toUInt64(0) AS self_time,
            toUInt64(0) AS queue_time, toUInt8(0) AS has_queue,
            m.weight AS weight, m.sampling AS sampling, m.trace AS trace, ks.verdict AS verdict, ks.why AS why
        FROM (
            SELECT * FROM halves FINAL
            WHERE window BETWEEN first_window AND last_window AND side = 1 AND (kind = 4 OR protocol = 'messaging')
              AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
        ) AS m
        LEFT ANTI JOIN (
            SELECT trace, call_span FROM message_ends
            WHERE side = 2 AND (trace, call_span) IN (
                SELECT trace, call_span FROM halves
                WHERE window BETWEEN first_window AND last_window AND side = 1 AND (kind = 4 OR protocol = 'messaging'))
            UNION ALL
            SELECT trace, call_span FROM halves
            WHERE window BETWEEN lowest AND highest AND kind = 2 AND (trace, call_span) IN (
                SELECT trace, call_span FROM halves WHERE window BETWEEN first_window AND last_window AND kind = 4)
        ) AS taken ON m.trace = taken.trace AND m.call_span = taken.call_span
        LEFT JOIN checks AS ks ON m.trace = ks.trace AND m.own_span = ks.span
    ),
    calls_seen AS (
        SELECT * FROM message_calls UNION ALL SELECT * FROM lone_producers
    )
-- include calls_to_rows
