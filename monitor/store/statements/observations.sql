-- What was seen of exchanges and is held against nobody, by contract, operation and version pair, the last seen first.
SELECT i.shown AS observation, i.contract AS contract, i.interaction AS operation, i.environment AS environment,
       i.caller AS caller, i.caller_version AS caller_version, i.callee AS callee, i.callee_version AS callee_version,
       uniqCombined64Merge(14)(i.exchanges) AS exchanges, min(i.first) AS first_seen, max(i.last) AS last_seen
FROM interactions AS i
WHERE i.shown NOT IN ('kept', 'broken', 'open')
  AND i.hour >= toStartOfHour(toDateTime({since:UInt32})) AND i.hour < toDateTime({until:UInt32})
  AND ({environment:String} = '' OR i.environment = {environment:String})
GROUP BY observation, contract, operation, environment, caller, caller_version, callee, callee_version
ORDER BY last_seen DESC, observation, contract, operation, environment, caller, caller_version, callee, callee_version
LIMIT {limit:UInt32}
