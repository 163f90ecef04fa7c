"""Starts and stops real brokers for the suites in Python: conformance, compat, crash."""
