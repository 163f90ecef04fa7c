"""Brokers that die: kill -9 under load, and what must be true afterwards."""
