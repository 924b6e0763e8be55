-- Which deploys do the dashboards show, of those begun since?
SELECT id FROM deploys FINAL WHERE started >= {since:DateTime}
