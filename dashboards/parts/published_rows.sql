-- What is published of a table by windows of ten seconds and by the hour: whole hours, and windows outside these. Where `by_time`, hours
-- only where a step of time is made of these; of sightings, hours only where they were summed.
WITH
    (SELECT max(seq) FROM windows) AS newest,
    hours AS (
        SELECT window AS at, argMax(generation, seq) AS published_generation
        FROM windows
        WHERE level = 1 AND seq <= newest AND window >= {since:DateTime} AND window + 3600 <= {until:DateTime}
{% if by_time %}
            AND {bucket_seconds:UInt32} % 3600 = 0
{% endif %}
        GROUP BY window
{% if by_hour == "sighting_hours" %}
        HAVING (at, published_generation) IN (SELECT DISTINCT window, generation FROM sighting_hours WHERE window >= {since:DateTime} AND window < {until:DateTime})
{% endif %}
    ),
    tens AS (
        SELECT window AS at, argMax(generation, seq) AS published_generation
        FROM windows
        WHERE level = 0 AND seq <= newest AND window >= {since:DateTime} AND window < {until:DateTime}
            AND toStartOfHour(window) NOT IN (SELECT at FROM hours)
        GROUP BY window
    ),
    cells AS (
        SELECT *, 10 AS step FROM {{ by_window }}
        WHERE window >= {since:DateTime} AND window < {until:DateTime} AND (window, generation) IN (SELECT at, published_generation FROM tens)
        UNION ALL
        SELECT *, 3600 AS step FROM {{ by_hour }}
        WHERE window >= {since:DateTime} AND window < {until:DateTime} AND (window, generation) IN (SELECT at, published_generation FROM hours)
    )
