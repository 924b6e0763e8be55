-- The first and the last window of each part of these tables: between them the store may hold rows.
SELECT toUnixTimestamp(min_time) AS first, toUnixTimestamp(max_time) AS last
FROM system.parts
WHERE active AND database = currentDatabase() AND table IN {tables:Array(String)}
