"""How the pages become a site: Sphinx, Markdown by MyST, the theme Furo."""

import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parent))

import from_code

project = html_title = "modelplug"
author = "the modelplug authors"
version = release = from_code.VERSION

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.viewcode"]
default_role = "py:obj"  # docstrings mark names with one backtick: those that are known become links
suppress_warnings = ["ref.python"]  # `type` in an annotation is Python's, and not one of our attributes of that name
myst_heading_anchors = 3

html_theme = "furo"
html_static_path = ["static"]
html_css_files = ["site.css"]
html_search_scorer = str(Path(__file__).with_name("scorer.js"))
html_show_sphinx = html_show_copyright = html_copy_source = False
pygments_style = "a11y-high-contrast-light"
pygments_dark_style = "a11y-high-contrast-dark"

autodoc_member_order = "bysource"
autodoc_typehints_format = "short"
autodoc_default_options = {"members": True, "undoc-members": True}
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100


def setup(app: Any) -> None:
    """Has docstrings read as we write them, and names found where they are offered."""
    app.connect("autodoc-process-docstring", from_code.as_restructured_text)
    app.connect("missing-reference", from_code.at_the_front_door)
