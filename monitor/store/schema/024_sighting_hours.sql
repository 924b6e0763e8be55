-- Versions and instances seen alive by hour: who looks at a day reads 24 of these and not 8,640 windows.
CREATE TABLE IF NOT EXISTS sighting_hours AS sightings
ENGINE = MergeTree
PARTITION BY toYYYYMM(window)
ORDER BY (window, generation, environment, service)
TTL ingested + INTERVAL 13 MONTH
