"""Where records come from: Kafka, files, memory; and the runner that drives a pipeline
over them.
"""
