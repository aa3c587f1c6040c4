"""The Direct and Router strategies: calls through LiteLLM."""
