-- The calls kept as evidence for a callee: the smallest hashes of each edge, version pair, outcome and hour.
SELECT hour, environment, caller, callee, operation, caller_version, callee_version, outcome, trace, error_type, duration_ns, skeleton
FROM evidence FINAL
WHERE callee = {callee:String}
ORDER BY hour, environment, caller, operation, caller_version, callee_version, outcome, rank
LIMIT 3 BY hour, environment, caller, operation, caller_version, callee_version, outcome
