"""The status beside Django, as the page on it says, in an environment of its own and over real HTTP."""

from __future__ import annotations

import os
import re
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import pytest

from tests.environments import python_with
from tests.workspace import ROOT

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]
PAGE = ROOT / "docs" / "how-to" / "status.md"
SITE = {
    "__init__": "",
    "settings": 'SECRET_KEY = "only of this test"\nROOT_URLCONF = "mysite.urls"\nALLOWED_HOSTS = ["127.0.0.1"]\n',
    "urls": """
from django.http import HttpResponse
from django.urls import path

urlpatterns = [path("orders/", lambda request: HttpResponse(request.get_full_path()))]
""",
}


@pytest.fixture
def host(tmp_path: Path) -> Iterator[httpx.Client]:
    """A client of a Django project whose `asgi.py` is the page's."""
    python = python_with(tmp_path, "django", "core", "plugins/metrics", "plugins/prometheus", "plugins/status")
    blocks = re.findall(r"^```python fragment\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    (tmp_path / "mysite").mkdir()
    for name, text in {**SITE, "asgi": "\n".join(blocks)}.items():
        (tmp_path / "mysite" / f"{name}.py").write_text(text, "utf-8")
    with socket.socket() as listening:
        listening.bind(("127.0.0.1", 0))
        listening.listen()
        inherited = str(listening.fileno())
        server = subprocess.Popen(
            [python, "-m", "uvicorn", "mysite.asgi:application", "--fd", inherited],
            cwd=tmp_path,
            env={"HOME": str(tmp_path), "PATH": os.environ["PATH"], "OPS_TOKEN": "sesame"},
            pass_fds=[listening.fileno()],
        )
        try:
            with httpx.Client(base_url=f"http://127.0.0.1:{listening.getsockname()[1]}", timeout=60) as client:
                yield client
        finally:
            server.terminate()
            server.wait()


def test_django_and_the_status_beside_it_both_answer(host: httpx.Client) -> None:
    """Django has its paths as they were; the status has its own below the mount, and asks for the token."""
    assert host.get("/orders/?page=2").text == "/orders/?page=2"
    assert host.get("/nothing").status_code == 404
    assert "<html" in host.get("/ops/llm/").text
    assert host.get("/ops/llm/api/llm/health").status_code == 401
    health = host.get("/ops/llm/api/llm/health", headers={"Authorization": "Bearer sesame"})
    assert health.json()["success"] is True
