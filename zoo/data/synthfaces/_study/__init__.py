"""The look study, to be rebuilt."""
