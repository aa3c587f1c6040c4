"""The alert rules of Prometheus, made from the table of metrics."""

from __future__ import annotations

import json
from typing import Any

from modelplug_prometheus.families import FAMILIES


def rules() -> dict[str, Any]:
    """What a file of rules holds."""
    alarms = [
        {
            "alert": alarm.name,
            "expr": alarm.query.replace("NAME", family.series),
            "for": alarm.lasting,
            "labels": {"severity": alarm.severity},
            "annotations": {"summary": alarm.summary, "description": alarm.description},
        }
        for family in FAMILIES
        for alarm in family.alarms
    ]
    return {"groups": [{"name": "modelplug", "rules": alarms}]}


def rules_text() -> str:
    """The same as YAML. Its texts are quoted as JSON quotes them, which YAML reads alike."""
    lines = ["groups:"]
    for group in rules()["groups"]:
        lines += [f"  - name: {group['name']}", "    rules:"]
        for rule in group["rules"]:
            lines += [f"      - alert: {rule['alert']}"]
            for name in ("expr", "for"):
                lines += [f"        {name}: {json.dumps(rule[name])}"]
            for name in ("labels", "annotations"):
                lines += [f"        {name}:"]
                lines += [f"          {key}: {json.dumps(text)}" for key, text in rule[name].items()]
    return "\n".join(lines) + "\n"
