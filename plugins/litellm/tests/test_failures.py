"""LiteLLM's exceptions become ours."""

from __future__ import annotations

import inspect
from collections.abc import Iterator
from typing import Any

import pytest
from modelplug import CallFailed
from modelplug_litellm import _importing
from modelplug_litellm._failures import FAILURES, failure_from

litellm = _importing.load()


def exceptions() -> Iterator[type[BaseException]]:
    """Every exception class that LiteLLM's own modules give to callers."""
    modules = (litellm, litellm.exceptions, litellm.types.router)
    classes = {cls for module in modules for cls in vars(module).values() if inspect.isclass(cls)}
    own = {cls for cls in classes if issubclass(cls, BaseException) and cls.__module__.startswith("litellm.")}
    yield from sorted(own, key=lambda cls: cls.__name__)


def test_every_exception_of_litellm_is_in_the_table() -> None:
    """A new class in a new LiteLLM is found here, and so is one that is gone."""
    assert {cls.__name__ for cls in exceptions()} == FAILURES.keys()


@pytest.mark.parametrize("cls", list(exceptions()), ids=lambda cls: cls.__name__)
def test_each_becomes_its_kind(cls: type[BaseException]) -> None:
    """The most specific class decides, with the status as a number and the words without LiteLLM's prefix."""
    error = cls.__new__(cls)
    error.message = f"litellm.{cls.__name__}: it did not work\nTraceback (most recent call last):\n  File '/x'"  # type: ignore[attr-defined]
    error.status_code = "upstream_error"  # type: ignore[attr-defined]
    failure = failure_from(error)  # type: ignore[arg-type]
    assert type(failure) is FAILURES[cls.__name__]
    assert (failure.message, failure.status) == ("it did not work", None)


def test_a_subclass_is_what_its_nearest_ancestor_is() -> None:
    """Classes that LiteLLM derives are not lost."""
    nearest = litellm.exceptions.ContextWindowExceededError
    derived: Any = type("Derived", (nearest,), {})
    error = derived.__new__(derived)
    error.message, error.status_code = "too long", 400
    assert failure_from(error).kind == "context"
    assert failure_from(error).status == 400


def test_what_is_no_exception_of_litellms_is_a_bad_reply() -> None:
    """LiteLLM's depths raise KeyError and the like over answers that they did not expect."""
    failure = failure_from(KeyError("choices"))
    assert isinstance(failure, CallFailed)
    assert (failure.kind, failure.retryable) == ("decode", False)
