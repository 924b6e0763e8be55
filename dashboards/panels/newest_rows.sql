-- Of when are the newest violation and the newest reject? Times are 1970 while there is none.
SELECT
    (SELECT max(window) FROM violations) AS last_violation,
    (SELECT max(ingested) FROM rejects) AS last_reject
