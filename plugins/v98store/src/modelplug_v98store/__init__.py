"""The models of v98store, called through LiteLLM."""
