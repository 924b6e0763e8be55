-- Whether any record of a source could be read, whatever it told.
SELECT count() > 0 AS read FROM (
    SELECT 1 FROM ledger
    WHERE source_id = {source:String}
      AND (spans + filtered + exchanges > 0 OR (rejected = 0 AND (partition, offset) NOT IN (
          SELECT partition, offset FROM rejects WHERE source_id = {source:String} AND whole = 1)))
    LIMIT 1)
