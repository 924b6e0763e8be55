-- What checking said of the exchanges of some sources, and from when to when they are.
SELECT checked, reason, count() AS exchanges, min(e.end_ns) AS first_ns, max(e.end_ns) AS last_ns
FROM exchanges AS e FINAL
WHERE e.source_id IN {sources:Array(String)}
GROUP BY checked, reason
ORDER BY exchanges DESC, checked, reason
