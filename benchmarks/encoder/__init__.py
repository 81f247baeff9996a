"""Encoders compared by what they paint."""
