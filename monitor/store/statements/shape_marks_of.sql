-- Marks of what stood in payloads of one provider, by kind of exchange and by whom.
SELECT m.environment AS environment, m.protocol AS protocol, m.operation AS operation, m.status AS status, m.side AS side, m.media AS media,
       m.caller AS caller, m.caller_version AS caller_version, m.callee_version AS callee_version, sumMap(m.marks) AS marks
FROM shape_marks AS m
WHERE m.callee IN {callees:Array(String)} AND m.hour >= toStartOfHour(toDateTime({since:UInt32}))
  AND m.hour < toDateTime({until:UInt32})
  AND ({namespace:String} = '' OR m.callee_namespace IN ('', {namespace:String}))
  AND ({environment:String} = '' OR m.environment = {environment:String})
  AND ({consumer:String} = '' OR m.caller = {consumer:String})
  AND ({version:String} = '' OR m.callee_version = {version:String})
GROUP BY environment, protocol, operation, status, side, media, caller, caller_version, callee_version
ORDER BY operation, status, side, media, caller, caller_version, callee_version, environment, protocol
LIMIT 50000
