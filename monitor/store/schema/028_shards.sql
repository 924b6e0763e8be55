-- Which part of a spread store this is, as the house of the shards (number 0) counts them. In the house a row for each, in a shard its
-- own: shards that change places, or that are lost, are noticed.
CREATE TABLE IF NOT EXISTS shards (
    number UInt32,
    shards UInt32 COMMENT 'how many there are beside the house',
    house String,
    made DateTime DEFAULT now()
) ENGINE = ReplacingMergeTree(made) ORDER BY number
