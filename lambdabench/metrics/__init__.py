"""One metric, one module. A metric with samples leaves its value None: the worker adds median and interval."""
