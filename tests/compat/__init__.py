"""Other people's clients against the broker; see README.md."""
