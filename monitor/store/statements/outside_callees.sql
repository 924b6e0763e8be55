-- Hosts that were called and tell no version of their own: since when, and until when, their answers were seen.
SELECT environment, callee, min(first) AS first_seen, max(last) AS last_seen
FROM shapes
WHERE hour >= toStartOfHour(toDateTime({since:UInt32})) AND hour < toDateTime({until:UInt32})
  AND side = 'response' AND protocol = 'http' AND callee_version = '' AND position(callee, '.') > 0
GROUP BY environment, callee
ORDER BY environment, callee
LIMIT 1000
