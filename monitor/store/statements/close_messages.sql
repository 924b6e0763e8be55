-- Messages of the windows `due` to rows of edge_windows under one generation: a consumer's call stands in the consumer's
-- window, its producer is looked up however long ago; a producer that nobody has consumed stands in its own.
{% include "parts/into_edge_windows.sql" %}
{% include "parts/once.sql" %}
    consumers AS (
        SELECT * FROM once
        WHERE window IN {due:Array(UInt32)} AND kind = 5 AND step != 2
          AND cityHash64(own_trace) % {parts:UInt32} = {part:UInt32}
    ),
    -- the same for looking up, where copies do no harm
    takers AS (
        SELECT trace, call_span, side, step, service, instance, primary, own_trace, own_span, start_ns, end_ns FROM halves
        WHERE window IN {due:Array(UInt32)} AND kind = 5
          AND cityHash64(own_trace) % {parts:UInt32} = {part:UInt32}
    ),
{% if receives %}
    -- spans that receive, of the traces at hand, and under which span they stand there
    receives AS (
        SELECT trace AS in_trace, own_span AS receiver, service AS by_service, any(call_span) AS message, max(step) AS does
        FROM message_ends
        WHERE side > 1 AND step IN (1, 3) AND trace IN (SELECT trace FROM takers)
        GROUP BY trace, own_span, service
    ),
    -- messages of which their service tells processing, and spans that have consumers among their children
    processed AS (
        SELECT trace, call_span, service FROM message_ends
        WHERE side > 1 AND step = 0 AND (trace, call_span) IN (SELECT trace, call_span FROM takers WHERE step != 0)
    ),
    handed_on AS (
        SELECT trace, call_span, service FROM message_ends
        WHERE (step = 0 OR side = 3) AND side > 1 AND own_span != call_span
          AND (trace, call_span) IN (SELECT own_trace, own_span FROM takers WHERE step = 1)
    ),
{% endif %}
    -- spans that are part of a sending, as the HTTP call under it
    sendings AS (
        SELECT trace AS in_trace, span AS of_span, any(joints.folds) AS parts FROM joints
        WHERE generation = {generation:UInt64} AND side = 1 AND dropped = 0 AND folds > 0 GROUP BY trace, span
    ),
    producers AS (
        SELECT trace AS sent_trace, call_span AS sent_span, namespace AS sender_namespace, service AS sender, version AS sender_version,
               start_ns AS sent_from, end_ns AS sent_at, failed AS sender_failed, weight AS sender_weight, sampling AS sender_sampling,
               1 AS sends, window AS sent_window
        FROM message_ends FINAL
        WHERE side = 1 AND step = 0
{% if receives %}
          AND (trace, call_span) IN (SELECT trace, call_span FROM takers UNION DISTINCT SELECT in_trace, message FROM receives)
{% else %}
          AND (trace, call_span) IN (SELECT trace, call_span FROM takers)
{% endif %}
        UNION ALL
        SELECT trace AS sent_trace, call_span AS sent_span, namespace AS sender_namespace, service AS sender, version AS sender_version,
               start_ns AS sent_from, end_ns AS sent_at, failed AS sender_failed, weight AS sender_weight, sampling AS sender_sampling,
               2 AS sends, window AS sent_window
        FROM once
        WHERE window IN {near:Array(UInt32)} AND kind = 3 AND protocol != 'messaging'
          AND (trace, call_span) IN (SELECT trace, call_span FROM takers WHERE side = 2)
    ),
    -- how long a consumer's own outgoing calls took, as a union of intervals, to which duplicates add nothing
    outgoing AS (
        SELECT s.own_trace AS trace, s.own_span AS own_span,
               intervalLengthSum(greatest(c.start_ns, s.start_ns), least(c.end_ns, s.end_ns)) AS busy_ns
        FROM (SELECT cityHash64(own_trace, service, instance) AS place, own_trace, own_span, start_ns, end_ns FROM takers WHERE primary = 1) AS s
        INNER JOIN (SELECT cityHash64(own_trace, service, instance) AS place, start_ns, end_ns FROM halves
              WHERE window IN {near:Array(UInt32)} AND side = 1 AND own_trace IN (SELECT own_trace FROM takers)) AS c
            ON s.place = c.place
        WHERE c.end_ns > s.start_ns AND c.start_ns < s.end_ns
        GROUP BY s.own_trace, s.own_span
    ),
{% if exchanges %}
{% include "parts/checks.sql" %}
{% endif %}
    -- what was checked of the messages themselves, in the windows that they were sent in
    sent_checks AS (
        SELECT trace AS in_trace, span AS of_span,
               argMax((checked, reason), (checked = 'violated', source_id, partition, offset)) AS said
        FROM exchanges FINAL
        WHERE protocol = 'messaging' AND has_trace = 1
          AND window IN (SELECT arrayJoin([sent_window - 10, sent_window, sent_window + 10]) FROM producers WHERE sends = 1)
          AND (trace, span) IN (SELECT sent_trace, sent_span FROM producers)
        GROUP BY trace, span
    ),
    -- which halves are calls. Of a consumer with links the parent counts only where it is a producer, and then links to what is
    -- none do not; a link to a span that receives is no message. A span that receives is no call of its own where processing
    -- tells of the same message, or its child does: that child takes the message over
    deliveries AS (
        SELECT *,
            toUInt8(multiIf(
                step != 0 AND (is_processed OR (step = 1 AND is_handed_on)), 0,
                is_sent, 1,
                side = 3, 0,
                step = 0 AND in_receive = 3 AND keys = 1, 0,
                keys = 1, 1,
                in_receive = 0 AND parent_sent = 0)) AS is_call,
            row_number() OVER (PARTITION BY own_trace, own_span ORDER BY is_call DESC, primary DESC, trace, call_span) AS place
        FROM (
            SELECT c.*, p.*,
                p.sends = 1 OR (p.sends = 2 AND c.side = 2) AS is_sent,
                count() OVER (PARTITION BY c.own_trace, c.own_span) AS keys,
                max(c.side = 3 AND p.sends = 1) OVER (PARTITION BY c.own_trace, c.own_span) AS parent_sent,
{% if receives %}
                if(c.call_span != c.own_span, r.does, 0) AS in_receive,
                (c.trace, c.call_span, c.service) IN (SELECT trace, call_span, service FROM processed) AS is_processed,
                (c.own_trace, c.own_span, c.service) IN (SELECT trace, call_span, service FROM handed_on) AS is_handed_on
            FROM consumers AS c
            LEFT JOIN receives AS r ON c.trace = r.in_trace AND c.call_span = r.receiver AND c.service = r.by_service
            LEFT JOIN producers AS p ON c.trace = p.sent_trace
                AND if(c.side = 2 AND c.step = 0 AND c.call_span != c.own_span AND r.does = 1, r.message, c.call_span) = p.sent_span
{% else %}
                0 AS in_receive, 0 AS is_processed, 0 AS is_handed_on
            FROM consumers AS c
            LEFT JOIN producers AS p ON c.trace = p.sent_trace AND c.call_span = p.sent_span
{% endif %}
        )
    ),
    -- a message waits: its call is counted in its consumer's window, however long ago it was produced
    message_calls AS (
        SELECT
            m.window AS call_window, m.environment AS environment, m.cluster AS cluster, m.region AS region,
            m.sender_namespace AS caller_namespace,
            multiIf(m.is_sent, m.sender, m.call_span = m.own_span, 'user', 'unknown') AS caller,
            m.sender_version AS caller_version,
            m.namespace AS callee_namespace, m.service AS callee, m.version AS callee_version,
            m.protocol AS protocol, m.operation AS operation,
            toUInt8(1) AS counts,
            -- what became of a batch of messages counts once, as does how long it took
            multiIf(m.place = 1 AND m.outcome != 'ok', m.outcome, m.is_sent AND m.sender_failed = 1, 'server_error', 'ok') AS outcome,
            multiIf(m.place = 1 AND m.outcome != 'ok', m.error_type, m.is_sent AND m.sender_failed = 1, 'send', '') AS error_type,
            toUInt8(0) AS told,
            toUInt8((m.is_sent AND m.sender_failed = 1) OR (m.place = 1 AND m.failed = 1)) AS is_failed,
            toUInt8(m.is_sent) AS has_client, toUInt8(m.place = 1) AS has_server, toUInt8(0) AS from_log,
            -- of a message taken in a later window they are not known: which windows are closed together must not matter
            toUInt64(if(m.is_sent AND m.sent_window = m.window, f.parts, 0)) AS folds,
            toUInt8(m.is_sent) AS paired,
            toUInt64(m.sent_at - m.sent_from) AS client_time, toUInt64(m.end_ns - m.start_ns) AS server_time,
            toUInt64(greatest(0, toInt64(m.end_ns - m.start_ns) - toInt64(o.busy_ns))) AS self_time,
            toUInt64(if(m.is_sent AND m.start_ns > m.sent_at, m.start_ns - m.sent_at, 0)) AS queue_time,
            toUInt8(m.is_sent) AS has_queue,
            if(m.is_sent, m.sender_weight, m.weight) AS weight,
            if(m.is_sent, greatest(m.sender_sampling, m.sampling), m.sampling) AS sampling,
            m.own_trace AS trace,
{% if exchanges %}
            if(ks.verdict != '', ks.verdict, sc.said.1) AS verdict, if(ks.verdict != '', ks.why, sc.said.2) AS why
{% else %}
            sc.said.1 AS verdict, sc.said.2 AS why
{% endif %}
        FROM deliveries AS m
        LEFT JOIN sent_checks AS sc ON m.sent_trace = sc.in_trace AND m.sent_span = sc.of_span
        LEFT JOIN outgoing AS o ON m.own_trace = o.trace AND m.own_span = o.own_span
        LEFT JOIN sendings AS f ON m.sent_trace = f.in_trace AND m.sent_span = f.of_span
{% if exchanges %}
        LEFT JOIN checks AS ks ON m.own_trace = ks.trace AND m.own_span = ks.span
{% endif %}
        WHERE m.is_call = 1
    ),
    -- messages that nobody has consumed so far
    lone_producers AS (
        SELECT
            m.window AS call_window, m.environment AS environment, m.cluster AS cluster, m.region AS region,
            m.namespace AS caller_namespace, m.service AS caller, m.version AS caller_version,
            '' AS callee_namespace, if(m.peer != '', m.peer, 'unknown') AS callee, '' AS callee_version,
            m.protocol AS protocol, m.operation AS operation,
            toUInt8(1) AS counts, m.outcome AS outcome, m.error_type AS error_type, m.failed AS is_failed, toUInt8(0) AS told,
            toUInt8(1) AS has_client, toUInt8(0) AS has_server, toUInt8(0) AS from_log, toUInt64(f.parts) AS folds, toUInt8(0) AS paired,
            toUInt64(m.end_ns - m.start_ns) AS client_time, toUInt64(0) AS server_time, toUInt64(0) AS self_time,
            toUInt64(0) AS queue_time, toUInt8(0) AS has_queue,
            m.weight AS weight, m.sampling AS sampling, m.trace AS trace,
{% if exchanges %}
            ks.verdict AS verdict, ks.why AS why
{% else %}
            '' AS verdict, '' AS why
{% endif %}
        FROM (
            SELECT * FROM once
            WHERE window IN {due:Array(UInt32)} AND side = 1 AND (kind = 4 OR protocol = 'messaging') AND step != 2
              AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
        ) AS m
        LEFT ANTI JOIN (
            SELECT trace, call_span FROM message_ends
            WHERE side > 1 AND step != 2 AND (trace, call_span) IN (
                SELECT trace, call_span FROM halves
                WHERE window IN {due:Array(UInt32)} AND side = 1 AND (kind = 4 OR protocol = 'messaging') AND step = 0)
            UNION ALL
            SELECT trace, call_span FROM halves
            WHERE window IN {near:Array(UInt32)} AND kind = 2 AND (trace, call_span) IN (
                SELECT trace, call_span FROM halves WHERE window IN {due:Array(UInt32)} AND kind = 4)
{% if joints %}
            UNION ALL
            SELECT trace, if(dropped = 1, span, key_span) AS call_span FROM joints
            WHERE generation = {generation:UInt64} AND ((side = 1 AND dropped = 1) OR (side = 2 AND dropped = 0))
            UNION ALL
            -- the outer of two sending spans is one message with the inner one, under which its consumer stands
            SELECT trace, key_span AS call_span FROM joints
            WHERE generation = {generation:UInt64} AND side = 1 AND dropped = 1
              AND (trace, span) IN (
                SELECT trace, call_span FROM message_ends
                WHERE side > 1 AND step != 2 AND trace IN (SELECT trace FROM joints WHERE generation = {generation:UInt64} AND side = 1))
{% endif %}
        ) AS taken ON m.trace = taken.trace AND m.call_span = taken.call_span
        LEFT JOIN sendings AS f ON m.trace = f.in_trace AND m.own_span = f.of_span
{% if exchanges %}
        LEFT JOIN checks AS ks ON m.trace = ks.trace AND m.own_span = ks.span
{% endif %}
    ),
    calls_seen AS (
        SELECT * FROM message_calls UNION ALL SELECT * FROM lone_producers
    )
{% include "parts/calls_to_rows.sql" %}
