-- The newest sealed window (s since the epoch), 0 while there is none. None is unsealed again.
SELECT toUnixTimestamp(max(windows.window)) AS sealed FROM windows WHERE level = 0 AND windows.sealed = 1
