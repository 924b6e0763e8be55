-- The newest window in which anything ever arrived, 0 when nothing did.
SELECT toUnixTimestamp(max(arrivals.window)) AS window FROM arrivals
