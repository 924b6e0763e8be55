-- Rows of generations below the bound that no publishing names any more, or never named.
DELETE FROM shape_counts
WHERE generation < {bound:UInt64}
  AND (window, generation) NOT IN (SELECT window, argMax(generation, seq) FROM windows WHERE level = 0 GROUP BY window)
