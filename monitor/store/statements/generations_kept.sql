SELECT DISTINCT generation FROM edge_windows ORDER BY generation
