    -- halves, each span once; where none was sent twice there is nothing to collapse
-- if resent
    once AS (SELECT * FROM halves FINAL),
-- else
    once AS (SELECT * FROM halves),
-- end
