"""What people see: panels as SQL, the web page, Grafana. No imports from other packages of ours."""
