-- The newest and the oldest window in which anything ever arrived, 0 when nothing did.
SELECT toUnixTimestamp(max(arrivals.window)) AS window, toUnixTimestamp(min(arrivals.window)) AS oldest FROM arrivals
