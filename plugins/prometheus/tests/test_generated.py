"""The dashboard and the alert rules: made from the table, as they stand beside it, and asking for what there is."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from modelplug_prometheus.dashboard import dashboard
from modelplug_prometheus.families import FAMILIES
from modelplug_prometheus.rules import rules

HERE = Path(__file__).parent.parent
FILES = {"dashboard": HERE / "grafana-dashboard.json", "rules": HERE / "alert-rules.yaml"}
SERIES = {family.series: {*family.labels, *(["le"] if family.type == "histogram" else [])} for family in FAMILIES}


def queries() -> Iterator[str]:
    """Everything that is asked of Prometheus."""
    for panel in dashboard()["panels"]:
        for target in panel["targets"]:
            yield target["expr"]
    for rule in rules()["groups"][0]["rules"]:
        yield rule["expr"]


@pytest.mark.parametrize("what", FILES)
def test_the_files_are_those_of_the_table(what: str) -> None:
    """Made anew they are the same: `python -m modelplug_prometheus WHAT > FILE`."""
    command = [sys.executable, "-m", "modelplug_prometheus", what]
    made = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert made.stdout == FILES[what].read_text("utf-8")


@pytest.mark.parametrize("words", [[], ["grafana"], ["rules", "dashboard"]])
def test_a_wrong_word_is_said(words: list[str]) -> None:
    """With the two that there are, and status 2."""
    run = subprocess.run(
        [sys.executable, "-m", "modelplug_prometheus", *words], capture_output=True, text=True, check=False, timeout=20
    )
    assert (run.returncode, run.stdout, run.stderr.strip()) == (
        2,
        "",
        "usage: python -m modelplug_prometheus dashboard|rules",
    )


def test_queries_ask_for_what_is_exposed() -> None:
    """Each names series of the table, selects and groups by labels that they have, and leaves no word open."""
    for query in queries():
        asked = set(re.findall(r"\bmodelplug_\w+", query))
        assert asked, query
        assert asked <= set(SERIES), query
        labels = set(re.findall(r"(\w+)=~?'", query))
        for group in re.findall(r"by \(([^)]*)\)", query):
            labels |= set(group.split(", "))
        assert all(labels <= SERIES[series] for series in asked), query
        assert not re.search(r"NAME|WHERE", query), query
        assert [query.count(mark) for mark in "({["] == [query.count(mark) for mark in ")}]"]


def test_panels_do_not_cover_each_other() -> None:
    """Every panel has a place and a number of its own."""
    panels = dashboard()["panels"]
    assert len({panel["id"] for panel in panels}) == len(panels)
    assert len({(panel["gridPos"]["x"], panel["gridPos"]["y"]) for panel in panels}) == len(panels)
    assert all(panel["gridPos"]["x"] + panel["gridPos"]["w"] <= 24 for panel in panels)


def test_the_rules_are_yaml_that_says_the_same() -> None:
    """Its scalars are JSON: put together again they are the rules."""
    text = FILES["rules"].read_text("utf-8")
    said = re.findall(r"^ +(?:- )?(alert|expr|for|severity|summary|description): (.*)$", text, re.MULTILINE)
    wanted = [
        (name, value if name == "alert" else json.dumps(value))
        for rule in rules()["groups"][0]["rules"]
        for name, value in (
            ("alert", rule["alert"]),
            ("expr", rule["expr"]),
            ("for", rule["for"]),
            *rule["labels"].items(),
            *rule["annotations"].items(),
        )
    ]
    assert said == wanted
