-- What payloads looked like was kept and read by nobody.
DROP TABLE IF EXISTS shape_counts;
DROP TABLE IF EXISTS shapes;
ALTER TABLE exchanges DROP COLUMN IF EXISTS request_shape;
ALTER TABLE exchanges DROP COLUMN IF EXISTS response_shape
