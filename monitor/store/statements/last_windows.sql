-- Newest window published and newest sealed without an unsealed one before it in the last hour of windows; totals.
SELECT
    toUnixTimestamp(max(at)) AS published, toUnixTimestamp(maxIf(at, is_sealed = 1)) AS sealed,
    count() AS windows, countIf(is_sealed = 1) AS sealed_windows, sum(late_rows) AS late, max(newest) AS seq
FROM (
    SELECT window AS at, argMax(sealed, seq) AS is_sealed, argMax(late, seq) AS late_rows, max(seq) AS newest
    FROM windows WHERE level = 0 GROUP BY at
)
