-- Marks of what one service sent, answering or asking, of some of its versions (all where none is named): by kind of exchange, partner
-- (and its version) and hour, or the time as a whole (its first hour stands for it).
SELECT if({by_hour:UInt8} = 1, s.hour, toStartOfHour(toDateTime({since:UInt32}))) AS hour, max(s.hour) AS last,
       if(s.side = 'response', 'callee', 'caller') AS role, any(s.protocol) AS protocol, s.operation AS operation, s.status AS status,
       s.side AS side, if(s.side = 'response', s.caller, s.callee) AS partner,
       if(s.side = 'response', s.caller_namespace, s.callee_namespace) AS partner_namespace,
       if({by_partner:UInt8} = 0, '', if(s.side = 'response', s.caller_version, s.callee_version)) AS partner_version,
       if(s.side = 'response', s.callee_version, s.caller_version) AS version, sumMap(s.marks) AS marks
FROM shape_marks AS s
WHERE s.hour >= toStartOfHour(toDateTime({since:UInt32})) AND s.hour < toDateTime({until:UInt32})
  AND ({everywhere:UInt8} = 1 OR s.environment = {environment:String})
  AND ((s.side = 'response' AND s.callee IN {names:Array(String)} AND (s.callee_version IN {versions:Array(String)} OR empty({versions:Array(String)}))
        AND ({namespace:String} = '' OR s.callee_namespace IN ('', {namespace:String})))
       OR (s.side = 'request' AND s.caller IN {names:Array(String)} AND (s.caller_version IN {versions:Array(String)} OR empty({versions:Array(String)}))
           AND ({namespace:String} = '' OR s.caller_namespace IN ('', {namespace:String}))))
GROUP BY hour, role, operation, status, side, partner, partner_namespace, partner_version, version
ORDER BY hour, role, operation, status, side, partner, partner_namespace, partner_version, version
LIMIT 100000
