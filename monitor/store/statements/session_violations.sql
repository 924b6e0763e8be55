-- Clauses that exchanges broke since a moment, by whom.
SELECT v.fingerprint AS fingerprint, v.contract AS contract, max(v.revision) AS newest_revision, v.operation AS operation, v.side AS side,
       v.rule AS rule, v.pointer AS pointer, v.clause AS clause, v.expected AS expected, v.actual AS actual, v.caller AS caller,
       v.caller_version AS caller_version, v.callee AS callee, v.callee_version AS callee_version, count() AS exchanges
FROM violations AS v FINAL
WHERE v.window >= toDateTime({since:UInt32}) AND v.at >= fromUnixTimestamp64Milli({since_ms:Int64})
GROUP BY fingerprint, contract, operation, side, rule, pointer, clause, expected, actual, caller, caller_version, callee, callee_version
ORDER BY exchanges DESC, fingerprint, caller, caller_version, callee, callee_version
LIMIT 10000
