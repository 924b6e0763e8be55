-- Which copies of a span count is settled where they are counted.
DROP TABLE IF EXISTS settled
