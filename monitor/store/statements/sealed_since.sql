-- Sealed windows published after one sequence and up to another (s since the epoch), none before `since`.
SELECT DISTINCT toUnixTimestamp(windows.window) AS at
FROM windows
WHERE level = 0 AND sealed = 1 AND seq > {after:UInt64} AND seq <= {seq:UInt64} AND windows.window >= toDateTime({since:UInt32})
ORDER BY at
