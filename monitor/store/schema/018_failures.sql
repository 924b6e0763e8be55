-- What a failed span said of its failure, as a template without values; '' where it said nothing, or did not fail.
ALTER TABLE halves ADD COLUMN IF NOT EXISTS failure LowCardinality(String) DEFAULT '' AFTER error_type;
ALTER TABLE settled ADD COLUMN IF NOT EXISTS failure LowCardinality(String) DEFAULT '' AFTER error_type
