"""The gallery: a page for every entry of the catalogue, in English and in Chinese, made when the site is built."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import groupby
from pathlib import Path

from derive.derivation import Evidence
from derive.evidence import evidence_for
from derive.formula import Formula, catalogue, formula, group_of
from derive.render.markdown import markdown

__all__ = ["write"]

INDEX = """\
# Gallery

Every entry of the catalogue, derived line by line. Each line on these pages was checked when they were made.

"""


def write(folder: Path, entries: Iterable[str] | None = None) -> list[Path]:
    """Write the pages and their index; returns the paths. Pages of entries that are gone are deleted."""
    (folder / "zh").mkdir(parents=True, exist_ok=True)
    chosen = list(catalogue() if entries is None else entries)
    pages = {"index.md": "".join(_index(chosen))}
    for identifier in chosen:
        entry = formula(identifier)
        evidence = evidence_for(entry)
        pages[f"{identifier}.md"] = _english(entry, evidence)
        pages[f"zh/{identifier}.md"] = _chinese(entry, evidence)
    for old in folder.rglob("*.md"):
        if old.relative_to(folder).as_posix() not in pages:
            old.unlink()
    for name, text in pages.items():
        path = folder / name
        # What has not changed keeps its date, so that a second build is quick.
        if not path.is_file() or path.read_text(encoding="utf-8") != text:
            path.write_text(text, encoding="utf-8")
    return [folder / name for name in pages]


def _index(chosen: Iterable[str]) -> Iterator[str]:
    yield INDEX
    for group, members in groupby(chosen, key=group_of):
        listed = list(members)
        yield f"## {group.replace('_', ' ').capitalize()}\n\n"
        for identifier in listed:
            entry = formula(identifier)
            yield f"[{entry.title}]({identifier}.md) · {entry.title_zh}\n: {entry.summary[0]}\n\n"
        pages = "\n".join(listed)
        yield f"```{{toctree}}\n:hidden:\n\n{pages}\n```\n\n"


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
