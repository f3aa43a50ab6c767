"""Losses as pure functions on tensors; every one returns a float32 scalar."""
