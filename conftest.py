"""What holds for all tests."""

import signal

from hypothesis import settings


def pytest_configure() -> None:
    """Lets the tests interrupt what they start: a shell that starts us in the background has children ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
    settings.register_profile("any machine", deadline=None)  # how long one example takes says nothing of the law
    settings.load_profile("any machine")
