"""Layers to copy: a cache, record and replay, a budget for each tenant, and a fallback from model to model."""
