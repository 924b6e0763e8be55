-- Findings and verdicts are read from the control store; nothing read these copies.
DROP TABLE IF EXISTS findings;

DROP TABLE IF EXISTS verdicts;
