"""A small suite of scripted times for fleets."""

SUITE = """
schema = 1
metrics = ["latency", "parameters"]
reference = { model = "resnet50" }
job_timeout_s = 20
[sampling]
processes = 1
rounds = 4
[defaults]
backend = "fake"
device = "fake"
[[grid]]
model = ["resnet50", "convnext_tiny", "levit_256"]
options = { jitter = 0.01, latency_s = 0.01 }
"""
