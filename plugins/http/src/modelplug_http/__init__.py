"""The fast strategy: OpenAI-compatible HTTP without LiteLLM."""
