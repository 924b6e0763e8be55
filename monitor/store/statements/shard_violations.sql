-- Broken clauses of some windows, as closing named them.
SELECT
    toUInt32(v.window) AS window, source_id, partition, offset, `index`, fingerprint, contract, revision, operation, side, rule, pointer,
    clause, expected, actual, environment, caller, caller_version, caller_namespace, callee, callee_version, callee_namespace, trace,
    has_trace, status, at
FROM violations AS v FINAL
WHERE v.window IN {due:Array(UInt32)}
