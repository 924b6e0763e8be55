-- How many spans were read, over which time?
SELECT sum(spans) AS spans, sum(halves) AS halves, sum(exchanges) AS exchanges, min(ingested) AS first_ingested, max(ingested) AS last_ingested
FROM ledger FINAL
