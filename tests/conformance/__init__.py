"""Debian's Kafka clients against a real broker; see README.md."""
