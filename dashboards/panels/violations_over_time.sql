-- How many exchanges break a clause, by provider version, over time?
SELECT
    toStartOfInterval(window, toIntervalSecond({bucket_seconds:UInt32})) AS time,
    callee_namespace, callee, callee_version, count() AS violations, uniqExact(fingerprint) AS fingerprints
FROM violations FINAL
WHERE window >= {since:DateTime} AND window < {until:DateTime}
    AND ({environment:String} = '' OR environment = {environment:String})
    AND ({callee:String} IN ('', callee, concat(callee_namespace, '/', callee)) OR (callee_namespace = '' AND endsWith({callee:String}, concat('/', callee))))
GROUP BY time, callee_namespace, callee, callee_version
ORDER BY time, callee_namespace, callee, callee_version
