"""A small live shop to watch: real services, real telemetry on Kafka, and a bad deploy among
harmless ones.
"""
