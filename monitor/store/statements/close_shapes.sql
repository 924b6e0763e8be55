-- How often each shape was seen in the windows `due`, by edge and versions, under one generation.
INSERT INTO shape_counts
(window, generation, environment, callee, callee_version, caller, caller_version, operation, status, side, shape_id, count)
SELECT window, {generation:UInt64}, environment, callee, callee_version, caller, caller_version, operation, status,
       tupleElement(shape, 1) AS shape_side, tupleElement(shape, 2) AS shape_number, count()
FROM exchanges FINAL
ARRAY JOIN [('request', request_shape), ('response', response_shape)] AS shape
WHERE window IN {due:Array(UInt32)} AND tupleElement(shape, 2) != 0
GROUP BY window, environment, callee, callee_version, caller, caller_version, operation, status, shape_side, shape_number
