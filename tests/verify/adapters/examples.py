"""The examples in the documentation, run where their framework is: the other pages' tests only save them."""

import re
from pathlib import Path

PAGE = Path(__file__).resolve().parents[3] / "docs" / "check-torch-and-jax.md"
BLOCK = re.compile(r"^```python\n# (\w+)\.py\n(.*?)^```\n\n```text\n(.*?)^```$", re.DOTALL | re.MULTILINE)
# Name: source and what it prints.
EXAMPLES = {name: (source, shown) for name, source, shown in BLOCK.findall(PAGE.read_text(encoding="utf-8"))}


def run(name: str) -> str:
    """What an example prints."""
    printed: list[str] = []
    source = compile(EXAMPLES[name][0], f"{PAGE.name}:{name}", "exec")
    exec(source, {"__name__": name, "print": lambda *words: printed.append(" ".join(map(str, words)))})
    return "\n".join(printed) + "\n"
