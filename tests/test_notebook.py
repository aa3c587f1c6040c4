"""The page on notebooks, run cell by cell in a real kernel, in an environment of its own."""

from __future__ import annotations

import ast
import json
import re
import subprocess
from pathlib import Path

import pytest

from tests.environments import python_with
from tests.workspace import ROOT

PAGE = ROOT / "docs" / "how-to" / "notebook.md"
PROGRAM = """
import json, sys
import nbformat
from nbclient import NotebookClient

book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell(cell) for cell in json.load(sys.stdin)])
NotebookClient(book, timeout=120, kernel_name="python3").execute()
texts = [[output.get("text") or output.data["text/plain"] for output in cell.outputs] for cell in book.cells]
print(json.dumps(["".join(text) for text in texts]))
"""


@pytest.mark.slow
@pytest.mark.model
@pytest.mark.timeout(300)
def test_each_cell_of_the_page_runs(tmp_path: Path) -> None:
    """Answers, streams and many calls at once come in a notebook, and what is not async waits there."""
    cells = re.findall(r"^```python fragment\n(.*?)^```$", PAGE.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    python = python_with(tmp_path, "nbclient", "ipykernel", "core", "plugins/http", "plugins/local")
    done = subprocess.run([python, "-c", PROGRAM], input=json.dumps(cells), capture_output=True, text=True, timeout=200)
    assert done.returncode == 0, done.stderr
    loaded, answered, streamed, many, waited = json.loads(done.stdout.splitlines()[-1])
    assert loaded == ""
    assert len(answered) > 4 and len(streamed) > 2
    assert [type(said) for said in ast.literal_eval(many)] == [str] * 3
    assert waited == "'ok'"
