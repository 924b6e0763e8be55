-- How far are windows closed and sealed, and what came late? Times are 1970 while there is none.
-- Of one window publishing only ever seals, and counts more rows that came late.
SELECT
    (SELECT max(seq) FROM windows) AS sequence,
    count() AS windows,
    countIf(is_sealed = 0) AS provisional,
    max(at) AS last_closed,
    maxIf(at, is_sealed = 1) AS last_sealed,
    min(at) AS first_window,
    sum(late_rows) AS late_rows
FROM (SELECT window AS at, max(sealed) AS is_sealed, max(late) AS late_rows FROM windows WHERE level = 0 GROUP BY window)
