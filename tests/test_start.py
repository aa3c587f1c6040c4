"""What a start imports; that it opens no connection and starts no thread is in test_borders.py."""

import subprocess
import sys

START = """
import sys

opened = []
sys.addaudithook(lambda event, arguments: opened.append(event) if event.startswith("socket.") else None)

import modelplug
board = modelplug.Switchboard.load()
assert {plugin.state for plugin in board.plugins} == {"loaded"}, board.plugins
listed = [(model.id, board.ready(model)) for model in board.models]
clients = {"aiohttp", "asyncio", "http.client", "httptools", "httpx", "litellm", "openai", "requests", "ssl", "urllib3"}
print(len(listed) > 0, opened, sorted(clients & set(sys.modules)))
"""


def test_listing_every_model_needs_no_network_code() -> None:
    """Loading every plugin and asking of each model whether it is ready imports no HTTP client and no event loop."""
    run = subprocess.run([sys.executable, "-c", START], capture_output=True, text=True, check=False, timeout=20)
    assert (run.stdout, run.stderr) == ("True [] []\n", "")
