-- Windows in which anything arrived in the last `seconds`.
SELECT DISTINCT toUnixTimestamp(arrivals.window) AS window FROM arrivals WHERE ingested >= now() - {seconds:UInt32}
