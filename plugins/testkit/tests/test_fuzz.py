"""The fuzzer, with few inputs; `python -m modelplug_testkit.fuzz` takes as many as it is told."""

import pytest
from modelplug_testkit.fuzz import fuzz


@pytest.mark.slow
def test_nothing_is_found_among_a_few_thousand_inputs() -> None:
    """No false success, hang, leak or untyped error, among errors of many kinds and some answers."""
    findings = fuzz(4_000, seed=20)
    assert findings.wrong == []
    assert len(findings.ends) > 10
    assert findings.ends["answered"] > 100
