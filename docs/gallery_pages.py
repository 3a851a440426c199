"""The gallery: a page for every entry of the catalogue, in English and in Chinese, made when the site is built."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import groupby
from pathlib import Path

from derive.derivation import Evidence
from derive.evidence import evidence_for
from derive.formula import Formula, catalogue, formula, group_of
from derive.render.markdown import markdown, prose

__all__ = ["write"]

INDEX = """\
# Gallery

Every entry of the catalogue, derived line by line. Each line on these pages was checked when the pages were made.

"""


def write(folder: Path, entries: Iterable[str] | None = None) -> list[Path]:
    """Write the pages and their index; returns the paths. Pages of entries that are gone are deleted."""
    (folder / "zh").mkdir(parents=True, exist_ok=True)
    pages = {}
    index = INDEX
    groups = []
    for group, members in groupby(catalogue() if entries is None else entries, key=group_of):
        title = group.replace("_", " ").capitalize()
        listed = ""
        names = []
        for identifier in members:
            entry = formula(identifier)
            evidence = evidence_for(entry)
            pages[f"{identifier}.md"] = _english(entry, evidence)
            pages[f"zh/{identifier}.md"] = _chinese(entry, evidence)
            listed += _listed(entry, evidence)
            names.append(identifier)
        pages[f"group-{group}.md"] = f"# {title}\n\n{listed}{_contents(names)}"
        index += f"## {title}\n\n{listed}"
        groups.append(f"group-{group}")
    pages["index.md"] = index + _contents(groups)
    for old in folder.rglob("*.md"):
        if old.relative_to(folder).as_posix() not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        # What has not changed keeps its date, so that a second build is quick.
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def _listed(entry: Formula, evidence: Evidence) -> str:
    held = sum(check.outcome == "holds" for check in evidence.all)
    status = f"{held} checks hold" if held == len(evidence.all) else f"{held} of {len(evidence.all)} checks hold"
    title, title_zh, summary = map(prose, (entry.title, entry.title_zh, entry.summary[0]))
    return f"[{title}]({entry.id}.md) · {title_zh}\n: {summary} *{status}.*\n\n"


def _contents(names: Iterable[str]) -> str:
    pages = "\n".join(names)
    return f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n"


def _english(entry: Formula, evidence: Evidence) -> str:
    return _page(markdown(entry, evidence, lang="en"), f"[中文](zh/{entry.id}.md)", entry.id, "", "")


def _chinese(entry: Formula, evidence: Evidence) -> str:
    text = markdown(entry, evidence, lang="zh")
    return _page(text, f"[English](../{entry.id}.md)", entry.id, " --lang zh", "---\norphan: true\n---\n\n")


def _page(text: str, other: str, identifier: str, option: str, front: str) -> str:
    """The page that ``derive render`` writes, with the command that writes it below the title."""
    title, _, rest = text.partition("\n")
    command = f"derive render {identifier} --to latex --to html{option}"
    return f"{front}{title}\n\n{other}\n\n```console\n$ {command}\n```\n{rest}"
