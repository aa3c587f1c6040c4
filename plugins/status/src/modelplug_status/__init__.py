"""What an operator looks at: an ASGI app with the endpoints, the page and the playground of a board.

from modelplug_status import status_app

host.mount("/llm", status_app(board))  # behind the host's own authentication
"""

from modelplug_status.app import status_app

__all__ = ["status_app"]
