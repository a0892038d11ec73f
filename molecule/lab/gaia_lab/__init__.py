"""Disposable hosts, a registry and a conda channel for tests, the demo and the benchmark."""
