WITH
    (SELECT max(seq) FROM windows) AS newest,
    published AS (
        SELECT window AS at, argMax(generation, seq) AS published_generation, argMax(sealed, seq) AS is_sealed
        FROM windows
        WHERE level = 0 AND seq <= newest AND window >= {since:DateTime} AND window < {until:DateTime}
        GROUP BY window
    )
