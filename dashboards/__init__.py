"""What people see: panels as SQL, the web page, Grafana. Data only, no imports of ours."""
