-- Spans of a window's length or more that end in or near one of the windows `due`, or later and began before. At most an hour back
-- and ahead is looked for what belongs to them.
SELECT l.trace AS trace, toUInt32(greatest(l.began, l.window - 3600)) AS began, toUInt32(l.window) AS window
FROM long_spans AS l
WHERE l.window >= arrayMin({due:Array(UInt32)}) - 10 AND l.window <= arrayMax({due:Array(UInt32)}) + 3600
  AND l.began <= arrayMax({due:Array(UInt32)}) + 10
