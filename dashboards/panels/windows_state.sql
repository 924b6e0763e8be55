-- How far are windows closed and sealed, and what came late? Times are 1970 while there is none.
-- Of one window publishing only ever seals, and counts more rows that came late.
SELECT
    (SELECT max(seq) FROM windows) AS sequence,
    groupBitmap(toUInt32(window)) AS windows,
    groupBitmap(toUInt32(window)) - groupBitmapIf(toUInt32(window), sealed = 1) AS provisional,
    max(window) AS last_closed,
    maxIf(window, sealed = 1) AS last_sealed,
    min(window) AS first_window,
    (SELECT sum(late_of_window) FROM (SELECT max(late) AS late_of_window FROM windows WHERE level = 0 AND late > 0 GROUP BY window)) AS late_rows
FROM windows WHERE level = 0
