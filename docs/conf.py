"""The site: `sphinx-build -W --keep-going -b html docs docs/_build`. It is built and read without a network."""

import sys
from importlib.metadata import version as installed
from importlib.resources import files
from pathlib import Path

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.writers.html5 import HTML5Translator

HERE = Path(__file__).parent
sys.path.insert(0, str(HERE))

import gallery_pages  # noqa: E402 - it lies beside this file

project = "gradproof"
author = "the gradproof authors"
copyright = author
version = release = installed("gradproof")

extensions = ["myst_nb", "sphinx.ext.autodoc"]
# myst-nb leaves the executed notebooks beside the folder that it builds into
exclude_patterns = ["_build", "jupyter_execute"]
root_doc = "index"

html_theme = "furo"
html_title = "gradproof"
html_copy_source = False
html_show_sourcelink = False
html_show_copyright = False
html_static_path = ["_static", str(files("derive") / "render" / "katex")]
html_css_files = ["katex.min.css", "site.css"]
html_js_files = [("katex.min.js", {"defer": "defer"}), ("math.js", {"defer": "defer"})]
html_math_renderer = "katex"

myst_enable_extensions = ["dollarmath", "amsmath", "colon_fence", "deflist"]
myst_heading_anchors = 3
# myst-nb may load scripts for widgets from the network; there are none here.
nb_ipywidgets_js: dict[str, dict[str, str]] = {}
nb_execution_mode = "force"
nb_execution_in_temp = True
nb_execution_raise_on_error = True
nb_execution_show_tb = True
nb_execution_timeout = 300
nb_merge_streams = True
nb_render_markdown_format = "myst"

autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_preserve_defaults = True
python_use_unqualified_type_names = True
toc_object_entries = False


def inline_math(self: HTML5Translator, node: nodes.math) -> None:
    """A formula in a line; ``math.js`` draws it."""
    self.body.append(f'<span class="math">{self.encode(node.astext())}</span>')
    raise nodes.SkipNode


def block_math(self: HTML5Translator, node: nodes.math_block) -> None:
    """A formula on lines of its own; ``math.js`` draws it."""
    self.body.append(self.starttag(node, "div", CLASS="math"))
    self.body.append(f"{self.encode(node.astext().strip())}</div>\n")
    raise nodes.SkipNode


def bars_are_bars(*event: object) -> None:
    """In reStructuredText ``|A|`` is a substitution; in these docstrings it is an absolute value."""
    lines = event[-1]
    assert isinstance(lines, list)
    for number, line in enumerate(lines):
        parts = line.split("``")
        parts[::2] = (part.replace("|", "\\|") for part in parts[::2])
        lines[number] = "``".join(parts)


def setup(app: Sphinx) -> None:
    app.connect("autodoc-process-docstring", bars_are_bars)
    app.add_html_math_renderer("katex", inline_renderers=(inline_math, None), block_renderers=(block_math, None))
    app.connect("builder-inited", lambda _: gallery_pages.write(HERE / "gallery"))
