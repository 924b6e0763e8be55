-- How many exchanges break a clause, by provider version, over time?
SELECT
    toStartOfInterval(window, toIntervalSecond({bucket_seconds:UInt32})) AS time,
    callee, callee_version, count() AS violations, uniqExact(fingerprint) AS fingerprints
FROM violations FINAL
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({callee:String} IN ('', callee) OR endsWith({callee:String}, concat('/', callee)))
GROUP BY time, callee, callee_version
ORDER BY time, callee, callee_version
