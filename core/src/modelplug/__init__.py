"""The small core: call language models through plugins."""
