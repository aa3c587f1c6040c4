"""What holds for all tests."""

import signal


def pytest_configure() -> None:
    """Lets the tests interrupt what they start: a shell that starts us in the background has children ignore Ctrl-C."""
    if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
        signal.signal(signal.SIGINT, signal.default_int_handler)
