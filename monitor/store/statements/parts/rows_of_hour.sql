-- rows of these, and of `fresh` windows under the new generation
WHERE window >= toDateTime({hour:UInt32}) AND window < toDateTime({hour:UInt32} + 3600)
  AND ((window, generation) IN (SELECT at, number FROM published)
       OR (window IN {fresh:Array(UInt32)} AND generation = {generation:UInt64}))
