-- Of whom payloads were marked since, and when last.
SELECT s.environment AS environment, s.caller AS caller, s.caller_version AS caller_version, s.callee AS callee,
       s.callee_version AS callee_version, max(s.ingested) AS ingested, now() AS now
FROM shape_marks AS s
WHERE s.ingested >= toDateTime({since:UInt32})
GROUP BY environment, caller, caller_version, callee, callee_version
LIMIT 100000
