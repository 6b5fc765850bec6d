"""Exporters, one module a format of `core.exported.FORMATS`: each loads its framework, and runs in a process that nothing is timed in.

A module has PACKAGES, which it needs beside torch, IMPORTS, modules that are loaded before the export is timed, QUANTISERS, packages that
8-bit integers need, INSTALL, which brings them all, THREADED = True where a file is made for a number of threads, and
`export(network, arguments, keywords, path)`: writes the file, returns the version of its format as a row says it; what it raises is the
exporter's refusal.
"""
