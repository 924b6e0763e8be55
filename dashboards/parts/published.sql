WITH
    (SELECT max(seq) FROM windows) AS newest,
    published AS (
        SELECT window AS at, argMax(generation, seq) AS published_generation
        FROM windows
        WHERE level = 0 AND seq <= newest AND window >= {since:DateTime} AND window < {until:DateTime}
        GROUP BY window
    )
