"""Benchmarks: ratios within one run, first results committed under results/."""
