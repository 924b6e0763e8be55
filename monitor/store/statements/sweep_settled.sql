-- Settled copies of generations below the bound: they are read only while their windows are closed.
DELETE FROM settled WHERE generation < {bound:UInt64}
