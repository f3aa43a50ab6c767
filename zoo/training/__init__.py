"""Training runs: recipe in, run directory out; stop and go on at any step."""
