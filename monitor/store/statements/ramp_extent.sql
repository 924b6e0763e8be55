-- From when to when there is anything published, and until when it is sealed (s since the epoch; 0 for nothing).
SELECT
    minIf(toUnixTimestamp(windows.window), level = 0) AS first, maxIf(toUnixTimestamp(windows.window), level = 0) AS last,
    maxIf(toUnixTimestamp(windows.window), level = 0 AND sealed = 1) AS last_sealed
FROM windows
WHERE windows.window + 10 <= toDateTime({until:UInt32})
