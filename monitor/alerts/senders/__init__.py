"""The receivers: one module each, all behind `monitor.alerts.sender.Sender`."""
