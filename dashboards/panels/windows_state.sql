-- How far are windows closed and sealed, and what came late? Times are 1970 while there is none.
WITH
    (SELECT max(seq) FROM windows) AS newest,
    published AS (
        SELECT window, argMax(sealed, seq) AS is_sealed, argMax(late, seq) AS late_rows
        FROM windows
        WHERE level = 0 AND seq <= newest
        GROUP BY window
    )
SELECT
    newest AS sequence,
    count() AS windows,
    countIf(is_sealed = 0) AS provisional,
    max(window) AS last_closed,
    maxIf(window, is_sealed = 1) AS last_sealed,
    min(window) AS first_window,
    sum(late_rows) AS late_rows
FROM published
