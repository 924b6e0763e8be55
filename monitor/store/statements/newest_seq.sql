-- The newest sequence published, and the end of the newest window (s since the epoch).
SELECT max(seq) AS seq, toUnixTimestamp(maxIf(window, level = 0)) + 10 AS end FROM windows
