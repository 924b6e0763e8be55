-- Violations grouped by fingerprint and version pair.
SELECT fingerprint, any(v.contract) AS contract, max(v.revision) AS revision, any(v.operation) AS operation, any(v.side) AS side,
       any(v.rule) AS rule, any(v.pointer) AS pointer, any(v.clause) AS clause, any(v.expected) AS expected, any(v.actual) AS actual,
       v.environment AS environment, v.caller AS caller, v.caller_version AS caller_version, v.callee AS callee, v.callee_version AS callee_version,
       count() AS count, min(v.at) AS first_seen, max(v.at) AS last_seen, anyIf(lower(hex(v.trace)), v.has_trace = 1) AS trace
FROM violations AS v FINAL
WHERE v.window >= toDateTime({since:UInt32}) AND v.window < toDateTime({until:UInt32})
  AND ({environment:String} = '' OR v.environment = {environment:String})
  AND ({service:String} IN ('', v.caller, v.callee, concat(v.caller_namespace, '/', v.caller), concat(v.callee_namespace, '/', v.callee))
       OR (v.caller_namespace = '' AND endsWith({service:String}, concat('/', v.caller)))
       OR (v.callee_namespace = '' AND endsWith({service:String}, concat('/', v.callee))))
GROUP BY fingerprint, environment, caller, caller_version, callee, callee_version
ORDER BY count DESC, fingerprint, caller, caller_version, callee, callee_version
LIMIT {limit:UInt32}
