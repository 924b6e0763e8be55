-- Whose contract is broken by whom, where two services share a name. Empty: nothing told it.
ALTER TABLE violations ADD COLUMN IF NOT EXISTS caller_namespace LowCardinality(String) DEFAULT '' AFTER caller_version;
ALTER TABLE violations ADD COLUMN IF NOT EXISTS callee_namespace LowCardinality(String) DEFAULT '' AFTER callee_version
