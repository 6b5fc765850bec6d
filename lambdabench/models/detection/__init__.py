"""Detectors as they are measured: seeded images and objects, as many boxes for every network."""
