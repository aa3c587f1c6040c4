"""The `modelplug` command."""
