-- The operations of some callees of which exchanges broke a contract, and whether it was this one.
SELECT v.operation AS operation, max(v.contract = {contract:String}) AS own
FROM violations AS v
WHERE v.callee IN {callees:Array(String)} AND v.window >= toDateTime({since:UInt32}) AND v.window < toDateTime({until:UInt32})
GROUP BY operation
ORDER BY operation
