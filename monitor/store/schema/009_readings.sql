-- Which reading of a record its rows tell of: ms since the epoch, one number for all rows of a batch. A record that is read again,
-- rightly this time, keeps no reject of the reading before: those older than the ledger's reading are not shown.
ALTER TABLE ledger ADD COLUMN IF NOT EXISTS reading UInt64 DEFAULT 0;
ALTER TABLE rejects ADD COLUMN IF NOT EXISTS reading UInt64 DEFAULT 0
