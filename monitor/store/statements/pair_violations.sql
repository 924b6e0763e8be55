-- The version pair of broken clauses in the windows `due`, from the call that their span belongs to: an exchange that only one
-- side logged knows only that side. Rows are replaced under their own keys, and only where halves say more: running it again adds
-- nothing. The client half names the caller, the server half the callee; where a half is missing, the log's word stays.
INSERT INTO violations
(window, source_id, partition, offset, `index`, fingerprint, contract, revision, operation, side, rule, pointer, clause, expected,
 actual, environment, caller, caller_version, caller_namespace, callee, callee_version, callee_namespace, trace, has_trace, status, at)
WITH
    broken AS (
        SELECT v.*, e.span AS span
        FROM (SELECT * FROM violations FINAL WHERE window IN {due:Array(UInt32)} AND has_trace = 1) AS v
        INNER JOIN (SELECT * FROM exchanges FINAL WHERE window IN {due:Array(UInt32)} AND has_trace = 1) AS e
            ON v.window = e.window AND v.source_id = e.source_id AND v.partition = e.partition AND v.offset = e.offset AND v.`index` = e.`index`
    ),
    clients AS (
        SELECT window, trace, call_span, environment, namespace, service, version, side FROM halves FINAL
        WHERE window IN {near:Array(UInt32)} AND side = 1 AND trace IN (SELECT trace FROM broken)
    ),
    servers AS (
        SELECT window, trace, call_span, own_span, end_ns, environment, namespace, service, version, side FROM halves FINAL
        WHERE window IN {near:Array(UInt32)} AND side = 2 AND kind = 2 AND trace IN (SELECT trace FROM broken)
    ),
    -- the server that said it; where the client said it, the last to answer
    called AS (
        SELECT trace, own_span AS span, call_span, own_span AS answering FROM servers
        UNION ALL
        SELECT c.trace AS trace, c.call_span AS span, c.call_span AS call_span, argMax(s.own_span, (s.end_ns, s.own_span)) AS answering
        FROM clients AS c
        LEFT JOIN servers AS s ON c.trace = s.trace AND c.call_span = s.call_span AND c.window <= s.window + 10 AND s.window <= c.window + 10
        GROUP BY trace, span, call_span
    )
SELECT
    b.window, b.source_id, b.partition, b.offset, b.`index`, b.fingerprint, b.contract, b.revision, b.operation, b.side, b.rule, b.pointer,
    b.clause, b.expected, b.actual,
    multiIf(s.side = 2, s.environment, c.side = 1, c.environment, b.environment) AS its_environment,
    multiIf(c.side = 1, c.service, b.caller NOT IN ('', 'unknown'), b.caller, s.call_span = s.own_span, 'user', 'unknown') AS its_caller,
    if(c.side = 1 AND c.version != '', c.version, b.caller_version) AS its_caller_version,
    if(c.side = 1, c.namespace, b.caller_namespace) AS its_caller_namespace,
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
