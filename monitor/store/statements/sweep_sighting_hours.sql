-- Rows of generations below the bound that no publishing names any more, or never named.
DELETE FROM sighting_hours
WHERE generation < {bound:UInt64}
  AND (window, generation) NOT IN (SELECT window, argMax(generation, seq) FROM windows WHERE level = 1 GROUP BY window)
