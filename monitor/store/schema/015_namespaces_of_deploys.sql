-- Of which of several services of one name a deploy is. Empty: nobody told, or it has none.
ALTER TABLE deploys ADD COLUMN IF NOT EXISTS namespace LowCardinality(String) DEFAULT '' AFTER environment
