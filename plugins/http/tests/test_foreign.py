"""The table of the HTTP client's exceptions."""

import inspect

import aiohttp
import pytest
from aiohttp import client_exceptions, http_exceptions
from modelplug import CallFailed, StreamCut
from modelplug_http.foreign import BY_NAME, failure_from

CLASSES = {
    cls.__name__: cls
    for module in (client_exceptions, http_exceptions)
    for _, cls in inspect.getmembers(module, inspect.isclass)
    if issubclass(cls, BaseException) and cls.__module__ == module.__name__
}


def test_every_exception_has_its_row() -> None:
    """An exception that the client gains fails here until somebody decides what it means."""
    assert set(BY_NAME) == set(CLASSES)


@pytest.mark.parametrize("name", sorted(CLASSES))
def test_every_exception_becomes_ours(name: str) -> None:
    """Each class gives its own row's error, without the words of the exception."""
    error = CLASSES[name].__new__(CLASSES[name])
    failure = failure_from(error)
    assert isinstance(failure, CallFailed)
    assert (type(failure), failure.kind) == (BY_NAME[name].error, BY_NAME[name].kind)


@pytest.mark.parametrize(
    "error", [TimeoutError(), OSError(), ValueError("sk-1"), RuntimeError(), TypeError()], ids=repr
)
def test_built_in_exceptions_become_ours(error: Exception) -> None:
    """What the client lets through is mapped as well."""
    assert "sk-1" not in str(failure_from(error))


def test_a_payload_error_is_a_cut() -> None:
    """A body that ended too early is cut."""
    error = aiohttp.ClientPayloadError("https://secret.example/v1")
    assert isinstance(failure_from(error), StreamCut)
    assert "secret" not in str(failure_from(error))
