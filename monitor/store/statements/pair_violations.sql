-- The version pair of broken clauses in the windows `due`, from the call that their span belongs to: an exchange that only one
-- side logged knows only that side. Rows are replaced under their own keys, and only where halves say more: running it again adds
-- nothing. The client half names the caller, the server half the callee; where a half is missing, the log's word stays.
INSERT INTO violations
(window, source_id, partition, offset, `index`, fingerprint, contract, revision, operation, side, rule, pointer, clause, expected,
 actual, environment, caller, caller_version, caller_namespace, callee, callee_version, callee_namespace, trace, has_trace, status, at)
WITH
    kin AS (
        SELECT trace AS in_trace, span AS of_span, side AS of_side, max(joints.dropped) AS is_folded, any(joints.key_span) AS of_call,
               any(joints.told_namespace) AS by_namespace, any(joints.told_service) AS by_service, any(joints.told_version) AS by_version
        FROM joints WHERE generation = {generation:UInt64}
        GROUP BY trace, span, side
    ),
    told AS (
        SELECT v.*, e.span AS told_on
        FROM (SELECT * FROM violations FINAL WHERE window IN {due:Array(UInt32)} AND has_trace = 1) AS v
        INNER JOIN (SELECT * FROM exchanges FINAL WHERE window IN {due:Array(UInt32)} AND has_trace = 1) AS e
            ON v.window = e.window AND v.source_id = e.source_id AND v.partition = e.partition AND v.offset = e.offset AND v.`index` = e.`index`
    ),
    folded AS (
        SELECT in_trace AS folded_trace, of_span AS folded_span, any(of_call) AS folded_into FROM kin WHERE is_folded = 1 GROUP BY in_trace, of_span
    ),
    broken AS (
        SELECT t.*, if(f.folded_into != toFixedString('', 8), f.folded_into, t.told_on) AS span
        FROM told AS t LEFT JOIN folded AS f ON t.trace = f.folded_trace AND t.told_on = f.folded_span
    ),
    clients AS (
        SELECT h.window AS window, h.trace AS trace, h.call_span AS call_span, h.environment AS environment, h.namespace AS namespace,
               h.service AS service, h.version AS version, h.side AS side
        FROM (
            SELECT * FROM halves FINAL
            WHERE window IN {near:Array(UInt32)} AND side = 1 AND trace IN (SELECT told.trace FROM told)
        ) AS h
        LEFT JOIN (SELECT * FROM kin WHERE of_side = 1) AS j ON h.trace = j.in_trace AND h.own_span = j.of_span
        WHERE j.is_folded = 0
    ),
    servers AS (
        SELECT h.window AS window, h.trace AS trace, if(j.of_call != toFixedString('', 8), j.of_call, h.call_span) AS call_span,
               h.own_span AS own_span, h.end_ns AS end_ns, h.environment AS environment, h.namespace AS namespace, h.service AS service,
               h.version AS version, h.side AS side, j.by_namespace AS by_namespace, j.by_service AS by_service, j.by_version AS by_version
        FROM (
            SELECT * FROM halves FINAL
            WHERE window IN {near:Array(UInt32)} AND side = 2 AND kind = 2 AND trace IN (SELECT told.trace FROM told)
        ) AS h
        LEFT JOIN (SELECT * FROM kin WHERE of_side = 2) AS j ON h.trace = j.in_trace AND h.own_span = j.of_span
        WHERE j.is_folded = 0
    ),
    -- the server that said it; where the client said it, or a span that is part of the call, the last to answer
    called AS (
        SELECT trace, own_span AS span, call_span, own_span AS answering FROM servers
        UNION DISTINCT
        SELECT c.trace AS trace, c.call_span AS span, c.call_span AS call_span, argMax(s.own_span, (s.end_ns, s.own_span)) AS answering
        FROM clients AS c
        LEFT JOIN servers AS s ON c.trace = s.trace AND c.call_span = s.call_span AND c.window <= s.window + 10 AND s.window <= c.window + 10
        GROUP BY trace, span, call_span
        UNION DISTINCT
        SELECT s.trace AS trace, s.call_span AS span, s.call_span AS call_span, argMax(s.own_span, (s.end_ns, s.own_span)) AS answering
        FROM servers AS s
        LEFT ANTI JOIN clients AS c ON s.trace = c.trace AND s.call_span = c.call_span
        WHERE s.call_span != s.own_span
        GROUP BY trace, span, call_span
    )
SELECT
    b.window, b.source_id, b.partition, b.offset, b.`index`, b.fingerprint, b.contract, b.revision, b.operation, b.side, b.rule, b.pointer,
    b.clause, b.expected, b.actual,
    multiIf(s.side = 2, s.environment, c.side = 1, c.environment, b.environment) AS its_environment,
    multiIf(c.side = 1, c.service, s.by_service != '', s.by_service, b.caller NOT IN ('', 'unknown'), b.caller, s.call_span = s.own_span, 'user', 'unknown') AS its_caller,
    multiIf(c.side = 1 AND c.version != '', c.version, s.by_version != '', s.by_version, b.caller_version) AS its_caller_version,
    multiIf(c.side = 1, c.namespace, s.by_service != '', s.by_namespace, b.caller_namespace) AS its_caller_namespace,
    if(s.side = 2, s.service, b.callee) AS its_callee,
    if(s.side = 2 AND s.version != '', s.version, b.callee_version) AS its_callee_version,
    if(s.side = 2, s.namespace, b.callee_namespace) AS its_callee_namespace,
    b.trace, b.has_trace, b.status, b.at
FROM broken AS b
INNER JOIN called AS k ON b.trace = k.trace AND b.span = k.span
LEFT JOIN servers AS s ON k.trace = s.trace AND k.answering = s.own_span AND k.call_span = s.call_span
LEFT JOIN clients AS c ON k.trace = c.trace AND k.call_span = c.call_span
    AND (s.side != 2 OR (c.window <= s.window + 10 AND s.window <= c.window + 10))
WHERE (its_environment, its_caller, its_caller_version, its_caller_namespace, its_callee, its_callee_version, its_callee_namespace)
   != (b.environment, b.caller, b.caller_version, b.caller_namespace, b.callee, b.callee_version, b.callee_namespace)
SETTINGS join_algorithm = 'hash'
