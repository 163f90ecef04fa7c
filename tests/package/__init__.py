"""The packages that a build makes: what is in them, and that they can be used."""
