-- What there is beside halves in the windows `due` and around them: what there is not need not be asked for.
SELECT
    (SELECT count() FROM (SELECT 1 FROM exchanges WHERE window IN {near:Array(UInt32)} LIMIT 1)) AS exchanges,
    (SELECT count() FROM (SELECT 1 FROM violations WHERE window IN {due:Array(UInt32)} AND has_trace = 1 LIMIT 1)) AS violations,
    -- spans of a window's length or more that end in one of these windows, or later and began before
    (SELECT count() FROM long_spans
     WHERE window >= arrayMin({due:Array(UInt32)}) - 10 AND began <= arrayMax({due:Array(UInt32)}) + 10) AS long
