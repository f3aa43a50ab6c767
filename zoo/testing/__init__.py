"""Tools to test a model of the zoo, or one's own against the same contracts."""
