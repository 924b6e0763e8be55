-- Clauses broken by exchanges at or after `since`, with all that is kept of them, by version pair.
SELECT
    fingerprint, environment, any(v.contract) AS contract, max(v.revision) AS contract_revision, any(v.operation) AS operation,
    any(v.side) AS side, any(v.rule) AS rule, any(v.pointer) AS pointer, any(v.clause) AS clause, any(v.expected) AS expected, any(v.actual) AS actual,
    v.caller AS caller, v.caller_version AS caller_version, v.callee AS callee, v.callee_version AS callee_version,
    count() AS exchanges, min(v.at) AS first_seen, max(v.at) AS last_seen,
    minIf(v.at, v.at >= toDateTime({since:UInt32})) AS first_since
FROM violations AS v FINAL
WHERE (v.environment, v.fingerprint) IN (
    SELECT environment, fingerprint FROM violations
    WHERE window >= toDateTime({since:UInt32}) - 60 AND at >= toDateTime({since:UInt32})
    GROUP BY environment, fingerprint
    ORDER BY max(at) DESC, environment, fingerprint
    LIMIT {limit:UInt32}
)
GROUP BY fingerprint, environment, caller, caller_version, callee, callee_version
ORDER BY environment, fingerprint, last_seen DESC, caller, caller_version, callee, callee_version
