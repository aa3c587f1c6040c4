"""The Grafana dashboard, made from the table of metrics."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from modelplug_metrics.health import WORSE

from modelplug_prometheus.families import FAMILIES
from modelplug_prometheus.family import Family, Panel

CHOSEN = "provider=~'$provider',model=~'$model'"
SOURCE: Mapping[str, str] = {"type": "prometheus", "uid": "${datasource}"}
COLOURS: Mapping[str, str] = {"no_data": "text", "healthy": "green", "degraded": "yellow", "unhealthy": "red"}
WIDTH, HEIGHT, LINE = 12, 8, 24


def dashboard() -> dict[str, Any]:
    """What Grafana imports. It asks for the data source when it is opened."""
    return {
        "uid": "modelplug",
        "title": "modelplug",
        "description": "Calls to language models: health, speed, tokens, cost and failures.",
        "tags": ["modelplug"],
        "schemaVersion": 39,
        "editable": True,
        "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"},
        "templating": {"list": [_data_source(), _choice("provider", ""), _choice("model", "provider=~'$provider'")]},
        "panels": [_panel(panel, family, place) for place, (panel, family) in enumerate(_panels())],
    }


def _panels() -> Iterator[tuple[Panel, Family]]:
    for family in FAMILIES:
        for panel in family.panels:
            yield panel, family


def _panel(panel: Panel, family: Family, place: int) -> dict[str, Any]:
    targets = [
        {
            "refId": "ABCDEF"[number],
            "datasource": dict(SOURCE),
            "expr": query.text.replace("NAME", family.series).replace("WHERE", CHOSEN),
            "legendFormat": query.legend,
        }
        for number, query in enumerate(panel.queries)
    ]
    return {
        "id": place + 1,
        "type": panel.shape,
        "title": panel.title,
        "description": family.help,
        "datasource": dict(SOURCE),
        "gridPos": {"x": place * WIDTH % LINE, "y": place * WIDTH // LINE * HEIGHT, "w": WIDTH, "h": HEIGHT},
        "targets": targets,
        "fieldConfig": {"defaults": _health() if panel.shape == "state-timeline" else _lines(panel), "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"}, "tooltip": {"mode": "multi"}},
    }


def _lines(panel: Panel) -> dict[str, Any]:
    drawn = {"fillOpacity": 30 if panel.stacked else 5, "stacking": {"mode": "normal" if panel.stacked else "none"}}
    return {"unit": panel.unit, "min": 0, "custom": {"drawStyle": "line", "showPoints": "never", **drawn}}


def _health() -> dict[str, Any]:
    words = {
        str(number): {"text": status.replace("_", " "), "color": COLOURS[status], "index": number}
        for status, number in WORSE.items()
    }
    return {"mappings": [{"type": "value", "options": words}], "custom": {"fillOpacity": 80}}


def _data_source() -> dict[str, Any]:
    return {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}


def _choice(label: str, where: str) -> dict[str, Any]:
    query = f"label_values(modelplug_calls_total{{{where}}}, {label})"
    return {
        "name": label,
        "label": label.capitalize(),
        "type": "query",
        "datasource": dict(SOURCE),
        "query": {"query": query, "refId": label},
        "refresh": 2,
        "includeAll": True,
        "allValue": ".*",
        "multi": True,
        "current": {"text": "All", "value": "$__all"},
    }
