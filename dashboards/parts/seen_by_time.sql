-- What is published of services seen alive: whole hours where a step of time is made of these, else windows of ten seconds.
WITH
    (SELECT max(seq) FROM windows) AS newest,
    hours AS (
        SELECT window AS at, argMax(generation, seq) AS published_generation
        FROM windows
        WHERE level = 1 AND seq <= newest AND window >= {since:DateTime} AND window + 3600 <= {until:DateTime} AND {bucket_seconds:UInt32} % 3600 = 0
        GROUP BY window
        HAVING (at, published_generation) IN (SELECT DISTINCT window, generation FROM sighting_hours WHERE window >= {since:DateTime} AND window < {until:DateTime})
    ),
    tens AS (
        SELECT window AS at, argMax(generation, seq) AS published_generation
        FROM windows
        WHERE level = 0 AND seq <= newest AND window >= {since:DateTime} AND window < {until:DateTime}
            AND toStartOfHour(window) NOT IN (SELECT at FROM hours)
        GROUP BY window
    ),
    cells AS (
        SELECT *, 10 AS step FROM sightings
        WHERE window >= {since:DateTime} AND window < {until:DateTime} AND (window, generation) IN (SELECT at, published_generation FROM tens)
        UNION ALL
        SELECT *, 3600 AS step FROM sighting_hours
        WHERE window >= {since:DateTime} AND window < {until:DateTime} AND (window, generation) IN (SELECT at, published_generation FROM hours)
    )
