-- Deploys that turned out to be part of others go from the dashboards.
DELETE FROM deploys WHERE id IN {ids:Array(String)}
