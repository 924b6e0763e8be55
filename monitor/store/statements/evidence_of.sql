-- The calls kept as evidence for an edge and version pair ('' for any), bad ones first: three of each outcome and hour, by smallest hash.
SELECT hour, caller_version, callee_version, outcome, trace, error_type, duration_ns, skeleton
FROM evidence FINAL
WHERE environment = {environment:String} AND caller = {caller:String} AND callee = {callee:String} AND operation = {operation:String}
  AND ({caller_version:String} = '' OR caller_version = {caller_version:String})
  AND ({callee_version:String} = '' OR callee_version = {callee_version:String})
  AND hour >= toStartOfHour(toDateTime({since:UInt32})) AND hour <= toDateTime({until:UInt32})
ORDER BY outcome != 'bad', hour, caller_version, callee_version, rank
LIMIT 3 BY hour, caller_version, callee_version, outcome
