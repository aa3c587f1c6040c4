"""Rows that no upstream can show alone, each with the test that proves it."""

from __future__ import annotations

from modelplug_testkit.rows.row import Row

CONTRACT = "the kit's contract"
HTTP = "plugins/http/tests/"
CORE = "core/tests/"

ELSEWHERE = tuple(
    Row(id=row, what=what, elsewhere=where)
    for row, what, where in (
        ("CQ-45", "a firewall dislikes the headers of SDKs", HTTP + "test_quirks.py"),
        ("CQ-46", "bases with and without `/v1`, a slash, the whole path", HTTP + "test_endpoint.py"),
        ("CQ-70", "lists of models in every shape", "plugins/discovery/tests/test_dialects.py"),
        ("CQ-71", "a prompt cut in silence at num_ctx", CORE + "test_calls.py"),
        ("CQ-72", "json_object refused: json_schema instead", "not covered: the refusal is told, nothing is rewritten"),
        ("F-1", "connection refused", HTTP + "test_faults.py"),
        ("F-2", "no such host", HTTP + "test_faults.py"),
        ("F-3", "encryption fails", HTTP + "test_faults.py"),
        ("F-43", "cancelled while waiting or streaming", CONTRACT),
        ("F-44", "a stream that is left", CONTRACT),
        ("F-45", "SIGTERM within a call", "tests/test_signals.py"),
        ("F-46", "the process ends after the last call", CORE + "test_listeners.py"),
        ("F-47", "several event loops, one after another", CONTRACT),
        ("F-48", "fork", HTTP + "test_lifetimes.py"),
        ("F-49", "a plugin that fails to import, or exits", "plugins/testkit/tests/test_hostile.py"),
        ("F-50", "a hook with a wrong signature, an unknown hook", "plugins/testkit/tests/test_hostile.py"),
        ("F-51", "an exception in a hook", "plugins/testkit/tests/test_hostile.py"),
        ("F-52", "a listener that is slow or hangs", CORE + "test_listeners.py"),
        ("F-53", "two plugins with one name", CORE + "test_loading.py"),
        ("F-54", "a wrong type, a coroutine from a hook", "plugins/testkit/tests/test_hostile.py"),
        ("F-55", "recursion within a plugin", CORE + "test_loading.py"),
        ("F-56", "a key that is missing, blank, broken, in quotes", CORE + "test_settings.py"),
        ("F-57", "a base that is none, or leads elsewhere", CORE + "test_settings.py"),
        ("F-58", "base, key and headers among the parameters of a request", CORE + "test_calls.py"),
        ("F-59", "a name of a model with `../`, line breaks, 10 kB", CONTRACT),
        ("F-60", "10,000 calls at once", CORE + "test_limit.py"),
        ("F-61", "a thousand keys leave few sockets", HTTP + "test_lifetimes.py"),
    )
)
