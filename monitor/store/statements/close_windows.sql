-- Halves of the windows `due` (and their two neighbours, `near`) to calls that wait for an answer, and these to rows of edge_windows
-- under one generation. A call's window is its client half's, else its server half's. `part` of `parts` splits by trace.
-- include into_edge_windows
-- include once
-- if joints
    client_joints AS (
        SELECT trace AS at_trace, span AS at_span, max(joints.dropped) AS dropped, any(joints.told_namespace) AS told_namespace, any(joints.told_service) AS told_service,
               any(joints.folds) AS folds
        FROM joints WHERE generation = {generation:UInt64} AND side = 1 GROUP BY trace, span
    ),
    server_joints AS (
        SELECT trace AS at_trace, span AS at_span, any(joints.key_span) AS key_span, max(joints.dropped) AS dropped, any(joints.far) AS far,
               any(joints.told_namespace) AS told_namespace, any(joints.told_service) AS told_service, any(joints.told_version) AS told_version,
               any(joints.folds) AS folds, any(joints.outcome) AS told_outcome, any(joints.error_type) AS told_error_type, any(joints.failed) AS told_failed
        FROM joints WHERE generation = {generation:UInt64} AND side = 2 GROUP BY trace, span
    ),
-- end
    -- outgoing calls that wait for an answer, and producers that a server answered; what a consumer took is a message
    clients AS (
-- if joints
        SELECT h.*, j.told_namespace AS told_namespace, j.told_service AS told_service, j.folds AS folds
        FROM once AS h LEFT JOIN client_joints AS j ON h.trace = j.at_trace AND h.own_span = j.at_span
        WHERE j.dropped = 0
-- else
        SELECT *, '' AS told_namespace, '' AS told_service, toUInt16(0) AS folds FROM once
        WHERE 1
-- end
          AND window IN {near:Array(UInt32)} AND side = 1 AND (kind = 4 OR protocol != 'messaging')
          AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
          AND (trace, call_span) NOT IN (SELECT trace, call_span FROM halves WHERE window IN {near:Array(UInt32)} AND side = 2 AND kind = 5)
    ),
    servers AS (
-- if joints
        SELECT h.* EXCEPT (outcome, error_type, failed), if(h.outcome = 'ok' AND j.told_outcome != '', j.told_outcome, h.outcome) AS outcome,
               if(h.outcome = 'ok' AND j.told_outcome != '', j.told_error_type, h.error_type) AS error_type,
               greatest(h.failed, j.told_failed) AS failed, j.folds AS folds, if(j.key_span != toFixedString('', 8), j.key_span, h.call_span) AS key_span, j.far AS far,
               j.told_namespace AS told_namespace, j.told_service AS told_service, j.told_version AS told_version
        FROM (
            SELECT * FROM once WHERE window IN {near:Array(UInt32)} AND side = 2 AND kind = 2
            UNION ALL
            SELECT * FROM (
                SELECT * FROM halves
                WHERE window NOT IN {near:Array(UInt32)} AND side = 2 AND kind = 2
                  AND (window, trace, own_span) IN (
                    SELECT window, trace, span FROM joints WHERE generation = {generation:UInt64} AND side = 2 AND far = 1 AND dropped = 0)
                ORDER BY content_hash DESC
                LIMIT 1 BY window, trace, call_span, own_span
            )
        ) AS h LEFT JOIN server_joints AS j ON h.trace = j.at_trace AND h.own_span = j.at_span
        WHERE j.dropped = 0 AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
-- else
        SELECT *, call_span AS key_span, toUInt8(0) AS far, '' AS told_namespace, '' AS told_service, '' AS told_version, toUInt16(0) AS folds FROM once
        WHERE window IN {near:Array(UInt32)} AND side = 2 AND kind = 2
          AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}
-- end
    ),
    known_addresses AS (
        SELECT a.environment AS environment, a.address AS address, any(a.service) AS service, any(a.namespace) AS namespace
        FROM addresses AS a FINAL GROUP BY a.environment, a.address HAVING uniqExact(a.namespace, a.service) = 1
    ),
    -- how long a server's own outgoing calls took, as a union of intervals, to which duplicates add nothing: an estimate by
    -- trace and instance
    outgoing AS (
        SELECT s.own_trace AS trace, s.own_span AS own_span,
               intervalLengthSum(greatest(c.start_ns, s.start_ns), least(c.end_ns, s.end_ns)) AS busy_ns
        FROM (SELECT cityHash64(own_trace, service, instance) AS place, own_trace, own_span, start_ns, end_ns FROM halves
              WHERE window IN {near:Array(UInt32)} AND kind = 2 AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}) AS s
        INNER JOIN (SELECT cityHash64(own_trace, service, instance) AS place, start_ns, end_ns FROM halves
              WHERE window IN {near:Array(UInt32)} AND side = 1 AND cityHash64(trace) % {parts:UInt32} = {part:UInt32}) AS c
            ON s.place = c.place
        WHERE c.end_ns > s.start_ns AND c.start_ns < s.end_ns
        GROUP BY s.own_trace, s.own_span
    ),
    -- client and server side by side. Of several servers of one call the answer that the caller got leads: it is of the service that
    -- the caller named, tells the outcome that it saw, and came while it waited; of more such the last. Of each group of like servers
    -- one counts. A server too far away from the client stands alone, else the answer would change with the windows closed together
    pairs AS (
        SELECT
            if(c.side = 1, c.window, s.window) AS call_window,
            if(s.side = 2, s.environment, c.environment) AS environment,
            if(s.side = 2, s.cluster, c.cluster) AS cluster,
            if(s.side = 2, s.region, c.region) AS region,
            if(c.side = 1, c.namespace, s.told_namespace) AS caller_namespace,
            multiIf(c.side = 1, c.service, s.told_service != '', s.told_service, s.key_span = s.own_span AND s.parent != s.own_span, 'user', 'unknown') AS caller,
            if(c.side = 1, c.version, s.told_version) AS caller_version,
            multiIf(s.side = 2, s.namespace, c.told_service != '', c.told_namespace, c.protocol != 'database' AND k.service != '', k.namespace, c.peer_namespace) AS callee_namespace,
            multiIf(s.side = 2, s.service, c.told_service != '', c.told_service, c.protocol != 'database' AND k.service != '', k.service, c.peer != '', c.peer, 'unknown') AS callee,
            s.version AS callee_version,
            if(s.side = 2 AND (s.protocol != 'other' OR c.side = 0), s.protocol, c.protocol) AS protocol,
            if(s.side = 2, s.operation, c.operation) AS operation,
            toUInt8(c.side = 1) AS with_client, toUInt8(s.side = 2) AS has_server,
            c.outcome AS client_outcome, s.outcome AS server_outcome, c.error_type AS client_error, s.error_type AS server_error,
            c.failed AS client_failed, s.failed AS server_failed, c.folds AS client_folds, s.folds AS server_folds,
            toUInt64(c.end_ns - c.start_ns) AS client_time,
            toUInt64(s.end_ns - s.start_ns) AS server_time,
            toUInt64(greatest(0, toInt64(s.end_ns - s.start_ns) - toInt64(o.busy_ns))) AS self_time,
            if(c.side = 1, c.weight, s.weight) AS weight,
            greatest(c.sampling, s.sampling) AS sampling,
            if(c.side = 1, c.trace, s.trace) AS trace,
            if(c.side = 1, c.call_span, s.key_span) AS client_span, s.own_span AS server_span,
-- if crowded
            row_number() OVER (
                PARTITION BY trace, client_span
                ORDER BY has_server DESC, with_client DESC,
                         c.side = 1 AND (c.peer = s.service OR splitByRegexp('[.:]', c.address)[1] = s.service) DESC,
                         c.side = 1 AND c.outcome = s.outcome DESC, c.side = 1 AND s.end_ns <= c.end_ns DESC, s.end_ns DESC, s.own_span DESC
            ) = 1 AS leads,
            row_number() OVER (
                PARTITION BY trace, client_span, has_server, with_client, s.namespace, s.service, s.version, s.operation, s.environment
                ORDER BY c.side = 1 AND (c.peer = s.service OR splitByRegexp('[.:]', c.address)[1] = s.service) DESC,
                         c.side = 1 AND c.outcome = s.outcome DESC, c.side = 1 AND s.end_ns <= c.end_ns DESC, s.end_ns DESC, s.own_span DESC
            ) = 1 AS counts
-- else
            toUInt8(1) AS leads, toUInt8(1) AS counts
-- end
        FROM clients AS c
        FULL JOIN servers AS s ON c.trace = s.trace AND c.call_span = s.key_span
            AND (s.far = 1 OR (c.window <= s.window + 10 AND s.window <= c.window + 10))
        LEFT JOIN outgoing AS o ON s.own_trace = o.trace AND s.own_span = o.own_span
        LEFT JOIN known_addresses AS k ON c.environment = k.environment AND c.address = k.address
        WHERE NOT (c.kind = 4 AND s.side = 0)
    ),
    sync_calls AS (
        SELECT
            call_window, environment, cluster, region, caller_namespace, caller, caller_version, callee_namespace, callee, callee_version,
            protocol, operation, counts, has_server, client_time, server_time, self_time, weight, sampling, trace, client_span, server_span, leads,
            toUInt8(with_client AND leads) AS has_client,
            -- the caller's word leads; where it saw nothing wrong the provider's does: an HTTP 200 is only the envelope of a
            -- GraphQL or gRPC answer
            if(has_client AND (client_outcome != 'ok' OR has_server = 0), client_outcome, server_outcome) AS outcome,
            if(has_client AND client_outcome != 'ok' AND client_error != '', client_error, server_error) AS error_type,
            toUInt8(has_client AND client_outcome = 'ok' AND has_server AND server_outcome != 'ok') AS told,
            toUInt8((has_client AND client_failed = 1) OR server_failed = 1) AS is_failed,
            toUInt8(0) AS from_log,
            toUInt64(if(has_client, client_folds, 0) + server_folds) AS folds,
            toUInt8(with_client AND has_server) AS paired,
            toUInt64(0) AS queue_time,
            toUInt8(0) AS has_queue
        FROM pairs
        WHERE call_window IN {due:Array(UInt32)}
    ),
-- if exchanges
-- include checks
    calls_seen AS (
        -- a failure that an API log tells of is one, whatever the spans say: the caller's log is the caller's word
        SELECT m.* EXCEPT (outcome, error_type, is_failed, told),
               multiIf(m.leads AND kc.folded_broken = 1, 'violated', m.has_server = 1 AND ks.server_verdict != '', ks.server_verdict, m.leads, kc.verdict, '') AS verdict,
               multiIf(m.leads AND kc.folded_broken = 1, '', m.has_server = 1 AND ks.server_verdict != '', ks.server_why, m.leads, kc.why, '') AS why,
               multiIf(m.outcome != 'ok', ('', ''), m.leads AND kc.client_failure.1 != '', kc.client_failure,
                       m.has_server = 1 AND ks.failure.1 != '', ks.failure, m.leads, kc.server_failure, ('', '')) AS logged,
               if(logged.1 != '', logged.1, m.outcome) AS outcome,
               if(logged.1 != '', logged.2, m.error_type) AS error_type,
               toUInt8(m.is_failed = 1 OR logged.1 != '') AS is_failed,
               toUInt8(m.told = 1 OR (logged.1 != '' AND m.has_client = 1 AND kc.client_failure.1 = '')) AS told
        FROM sync_calls AS m
        LEFT JOIN (SELECT trace AS at, span, verdict AS server_verdict, why AS server_why, server_failure AS failure FROM checks) AS ks
            ON m.trace = ks.at AND m.server_span = ks.span
        LEFT JOIN (SELECT trace AS at, span, verdict, why, folded_broken, client_failure, server_failure FROM checks) AS kc
            ON m.trace = kc.at AND m.client_span = kc.span
    )
-- else
    calls_seen AS (
        SELECT *, '' AS verdict, '' AS why FROM sync_calls
    )
-- end
-- include calls_to_rows
