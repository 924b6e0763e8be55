-- The hashes of the calls that are kept as evidence of some hours.
SELECT toUInt32(e.hour) AS hour, environment, caller, callee, operation, caller_version, callee_version, outcome, arraySort(groupUniqArray(rank)) AS ranks
FROM evidence AS e WHERE e.hour IN {hours:Array(UInt32)}
GROUP BY e.hour, environment, caller, callee, operation, caller_version, callee_version, outcome
