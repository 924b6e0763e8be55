-- Hours whose every published window is sealed, which ended before `until`, and which are not published as hours yet.
SELECT toUnixTimestamp(toStartOfHour(p.window)) AS hour
FROM (SELECT window, argMax(sealed, seq) AS sealed FROM windows WHERE level = 0 GROUP BY window) AS p
WHERE toStartOfHour(p.window) NOT IN (SELECT window FROM windows WHERE level = 1)
GROUP BY hour
HAVING min(p.sealed) = 1 AND hour + 3600 <= {until:UInt32}
ORDER BY hour
