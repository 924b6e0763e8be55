-- Which part of which spread store this is; nothing where it is one alone.
SELECT number, shards, house FROM shards FINAL ORDER BY number
