"""A small real language model on loopback: the embedded default."""
