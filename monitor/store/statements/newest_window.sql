-- The newest window that anything is known of, 0 without any.
SELECT greatest(
    (SELECT toUnixTimestamp(max(arrivals.window)) FROM arrivals), (SELECT toUnixTimestamp(max(windows.window)) FROM windows)
) AS window
