"""Counts calls, outcomes, tokens and seconds by provider and model."""
