"""Benchmarks of ward: the same work, several ways, interleaved in one run."""
