-- Clauses that exchanges broke since a moment, by whom: where a record does not say who called, the only one who
-- called that service in its trace.
SELECT v.fingerprint AS fingerprint, v.contract AS contract, max(v.revision) AS newest_revision, v.operation AS operation, v.side AS side,
       v.rule AS rule, v.pointer AS pointer, v.clause AS clause, v.expected AS expected, v.actual AS actual,
       if(v.caller IN ('', 'unknown') AND told.service != '', told.service, v.caller) AS caller, if(v.caller IN ('', 'unknown') AND told.service != '', told.version, v.caller_version) AS caller_version,
       v.callee AS callee, v.callee_version AS callee_version, count() AS exchanges
FROM (
    SELECT fingerprint, contract, revision, operation, side, rule, pointer, clause, expected, actual, toString(caller) AS caller,
           toString(caller_version) AS caller_version, toString(callee) AS callee, toString(callee_version) AS callee_version, trace, has_trace
    FROM violations FINAL
    WHERE window >= toDateTime({since:UInt32}) AND at >= fromUnixTimestamp64Milli({since_ms:Int64})
) AS v
LEFT JOIN (
    SELECT answering.trace AS trace, toString(answering.service) AS callee, toString(any(asking.service)) AS service,
           toString(any(asking.version)) AS version
    FROM halves AS answering
    INNER JOIN halves AS asking ON asking.trace = answering.trace AND asking.call_span = answering.call_span
    WHERE answering.side = 2 AND asking.side = 1 AND asking.service != answering.service
      AND answering.window >= toDateTime({since:UInt32}) AND asking.window >= toDateTime({since:UInt32})
    GROUP BY trace, callee
    HAVING uniqExact(asking.service, asking.version) = 1
) AS told ON told.trace = v.trace AND told.callee = v.callee AND v.has_trace
GROUP BY fingerprint, contract, operation, side, rule, pointer, clause, expected, actual, caller, caller_version, callee, callee_version
ORDER BY exchanges DESC, fingerprint, caller, caller_version, callee, callee_version
LIMIT 10000
