-- Joints of generations below the bound: they are read only while their windows are closed.
DELETE FROM joints WHERE generation < {bound:UInt64}
