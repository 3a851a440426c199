"""Look at printed output with the tools that know: pdflatex, a PDF rasteriser and a browser."""

import html
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path

from PIL import Image

# One entry per tool a test may name in @pytest.mark.rendering(...): the programs that serve as it.
PROGRAMS = {
    "pdflatex": ("pdflatex",),
    "pdftoppm": ("pdftoppm",),
    "chromium": ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable"),
}


def program(tool: str) -> str | None:
    """The path of the program that serves as `tool`, if there is one on this machine."""
    return next((path for name in PROGRAMS[tool] if (path := shutil.which(name))), None)


def _command(tool: str) -> str:
    path = program(tool)
    if path is None:
        raise FileNotFoundError(f"{tool} not found: mark the test with @pytest.mark.rendering({tool!r})")
    return path


# ---------------------------------------------------------------------------------------------- LaTeX

# pdfTeX may read and write below its own folder only, and runs nothing.
_PARANOID = {"openin_any": "p", "openout_any": "p", "shell_escape": "f"}

_COMPLAINT = re.compile(
    r"^! .*"
    r"|^l\.\d+ .*"
    r"|^.*\b[Ww]arning: .*"
    r"|^(?:Over|Under)full \\[hv]box .*"
    r"|^Missing character: .*"
    r"|^.*\bundefined\b.*"
    r"|^.*\bmultiply[ -]defined\b.*",
    re.MULTILINE,
)


@dataclass(frozen=True)
class CompiledPdf:
    """What came of a LaTeX document; a good one has no complaints."""

    path: Path
    pages: int
    log: str
    complaints: tuple[str, ...]


def compile_latex(source: str, tmp_path: Path) -> CompiledPdf:
    """Run pdflatex twice over `source` in a folder of its own inside `tmp_path`."""
    folder = Path(tempfile.mkdtemp(prefix="latex-", dir=tmp_path))
    (folder / "document.tex").write_text(source, encoding="utf-8")
    command = [_command("pdflatex"), "-halt-on-error", "-interaction=nonstopmode", "-no-shell-escape"]
    # A log line is cut at 79 characters unless told otherwise, and a cut complaint is hard to find.
    wide = {"max_print_line": "1000", "error_line": "254", "half_error_line": "238"}
    for _ in range(2):
        run = subprocess.run(
            [*command, "document.tex"],
            cwd=folder,
            env={**_environment(), **_PARANOID, **wide},
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=120,
            check=False,
        )
        if run.returncode != 0:
            break
    log = (folder / "document.log").read_text(encoding="utf-8", errors="replace")
    complaints = [match[0].strip() for match in _COMPLAINT.finditer(log)]
    if run.returncode != 0 and not complaints:
        complaints = [f"pdflatex ended with {run.returncode}"]
    written = re.search(r"Output written on .*? \((\d+) pages?", log)
    if written is None and not complaints:
        complaints = ["no page of output"]
    return CompiledPdf(
        path=folder / "document.pdf",
        pages=int(written[1]) if written else 0,
        log=log,
        complaints=tuple(complaints),
    )


def pdf_to_png(pdf: Path, dpi: int = 100) -> list[Path]:
    """One image per page, beside the PDF."""
    subprocess.run(
        [_command("pdftoppm"), "-png", "-r", str(dpi), str(pdf), str(pdf.with_suffix(""))],
        capture_output=True,
        timeout=120,
        check=True,
    )
    return sorted(pdf.parent.glob(f"{pdf.stem}-*.png"))


# -------------------------------------------------------------------------------------------- Browser


@dataclass(frozen=True)
class PageView:
    """A page as a browser showed it, with everything that could be wrong about it counted.

    Attributes:
        screenshot: a PNG of the window.
        console: what the browser's console said.
        dom: the document after its scripts ran, without its styles and scripts.
        text: all its text, folds included.
        data: the page's own account, `data-*` of its root element.
        formulas: how many elements hold a formula.
        drawn: how many of them KaTeX drew.
        refused: the sources of those it did not.
        fonts_missing: font families that drawn glyphs ask for and that are not loaded.
        requests: addresses of everything it tried to load that is not inside it.
    """

    screenshot: Path
    console: tuple[str, ...]
    dom: str
    text: str
    data: dict[str, str]
    formulas: int
    drawn: int
    refused: tuple[str, ...]
    fonts_missing: tuple[str, ...]
    requests: tuple[str, ...]

    def complaints(self) -> list[str]:
        """Everything that is wrong, in words; a good page has none."""
        found = [f"console: {line}" for line in self.console]
        found += [f"refused formula: {tex}" for tex in self.refused]
        found += [f"font not loaded: {font}" for font in self.fonts_missing]
        found += [f"loaded from outside: {address}" for address in self.requests]
        if "overflow" not in self.data:
            found.append("the page's script did not finish")
        elif self.data["overflow"] != "0":
            found.append(f"wider than the window by {self.data['overflow']} pixels")
        if self.data.get("lenient", "0") != "0":
            found.append(f"{self.data['lenient']} formulas that LaTeX would not accept")
        if self.drawn != self.formulas:
            found.append(f"{self.drawn} formulas drawn of {self.formulas}")
        if raw := re.search(r".{0,30}(?:\$\$|\\[a-zA-Z]{2,}).{0,30}", self.text):
            found.append(f"TeX in the text: {raw[0]}")
        return found


# Counts are taken inside the page by this frame around it. The frame also gives the page its exact width:
# a browser window of its own cannot be narrower than 500 pixels.
_FRAME = """\
<!DOCTYPE html><meta charset="utf-8">
<style>html, body {{ margin: 0; overflow: hidden; background: #888 }}
pre {{ display: none }}
iframe {{ display: block; border: 0; width: {width}px; height: {height}px }}</style>
<iframe src="{page}"></iframe>
<script>
const frame = document.querySelector("iframe");
const report = () => {{
  const page = frame.contentDocument, root = page.documentElement;
  const loaded = new Set([...page.fonts].filter((f) => f.status === "loaded").map((f) => f.family));
  const wanted = new Set([...page.querySelectorAll(".katex *")]
    .filter((e) => [...e.childNodes].some((n) => n.nodeType === Node.TEXT_NODE && n.data.trim()))
    .filter((e) => e.checkVisibility())
    .map((e) => frame.contentWindow.getComputedStyle(e).fontFamily.split(",")[0].replaceAll('"', ""))
    .filter((family) => family.startsWith("KaTeX_")));
  const bare = root.cloneNode(true);
  for (const each of bare.querySelectorAll("script, style")) each.remove();
  const formulas = [...page.querySelectorAll(".math")];
  const outside = frame.contentWindow.performance.getEntriesByType("resource").map((e) => e.name);
  return {{
    data: {{...root.dataset}},
    dom: bare.outerHTML,
    text: bare.querySelector("body").textContent,
    formulas: formulas.length,
    drawn: formulas.filter((f) => f.querySelectorAll(".katex").length === 1).length,
    refused: [...page.querySelectorAll(".refused, .katex-error")].map((e) => e.textContent),
    fonts_missing: [...wanted].filter((family) => !loaded.has(family)),
    requests: outside.filter((name) => !name.startsWith("data:")),
  }};
}};
frame.addEventListener("load", () => setInterval(() => {{
  if (document.querySelector("pre")) return;
  if (!("overflow" in frame.contentDocument.documentElement.dataset)) return;
  const pre = document.createElement("pre");
  pre.textContent = JSON.stringify(report());
  document.body.append(pre);
}}, 50));
</script>
"""


def open_in_browser(html_path: Path, width: int = 1000, height: int = 1400, dark: bool = False) -> PageView:
    """Show the page in a window of `width` pixels, without network, and report."""
    folder = Path(tempfile.mkdtemp(prefix="browser-", dir=html_path.parent))
    frame, screenshot = folder / "frame.html", folder / "screenshot.png"
    address = html.escape(html_path.resolve().as_uri())
    frame.write_text(_FRAME.format(width=width, height=height, page=address), encoding="utf-8")
    run = _browse(
        frame,
        # The frame asks the page inside it; between files a browser forbids that.
        "--allow-file-access-from-files",
        # The top of a window is not the page's: ask for more height than the page is shown at.
        f"--window-size={max(width, 500)},{height + 200}",
        f"--blink-settings=preferredColorScheme={0 if dark else 1}",
        "--hide-scrollbars",
        "--dump-dom",
        f"--screenshot={screenshot}",
    )
    with Image.open(screenshot) as window:
        window.crop((0, 0, width, height)).save(screenshot)
    dump = re.search(r"<pre>(.*)</pre>", run.stdout, re.DOTALL)
    report = json.loads(html.unescape(dump[1])) if dump else _UNFINISHED
    return PageView(
        screenshot=screenshot,
        console=tuple(re.findall(r"CONSOLE[:(]\d+\)?\] (.*)", run.stderr)),
        dom=report["dom"],
        text=report["text"],
        data=report["data"],
        formulas=report["formulas"],
        drawn=report["drawn"],
        refused=tuple(report["refused"]),
        fonts_missing=tuple(report["fonts_missing"]),
        requests=tuple(report["requests"]),
    )


def print_in_browser(html_path: Path) -> Path:
    """The PDF that the browser's own print command makes of the page."""
    folder = Path(tempfile.mkdtemp(prefix="print-", dir=html_path.parent))
    pdf = folder / "print.pdf"
    _browse(html_path, f"--print-to-pdf={pdf}", "--no-pdf-header-footer")
    return pdf


_UNFINISHED = {
    "dom": "",
    "text": "",
    "data": {},
    "formulas": 0,
    "drawn": 0,
    "refused": [],
    "fonts_missing": [],
    "requests": [],
}


def _browse(page: Path, *options: str) -> subprocess.CompletedProcess[str]:
    with tempfile.TemporaryDirectory(prefix="profile-", ignore_cleanup_errors=True) as profile:
        return subprocess.run(
            [
                _command("chromium"),
                "--headless=new",
                # The sandbox needs privileges that a container or root does not have; the pages are ours.
                "--no-sandbox",
                "--disable-gpu",
                "--disable-dev-shm-usage",
                "--no-first-run",
                "--disable-background-networking",
                "--disable-component-update",
                "--disable-sync",
                "--host-resolver-rules=MAP * ~NOTFOUND",
                f"--user-data-dir={profile}",
                "--enable-logging=stderr",
                "--virtual-time-budget=5000",
                *options,
                page.resolve().as_uri(),
            ],
            env=_environment(),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            encoding="utf-8",
            errors="replace",
            timeout=120,
            check=True,
        )


def _environment() -> dict[str, str]:
    kept = ("PATH", "HOME", "TMPDIR", "TEXMFHOME", "TEXMFVAR", "XDG_RUNTIME_DIR")
    return {"LC_ALL": "C.UTF-8", **{name: os.environ[name] for name in kept if name in os.environ}}


if __name__ == "__main__":
    view = open_in_browser(Path(sys.argv[1]), *map(int, sys.argv[2:4]))
    print(view.screenshot, view.data, *view.complaints(), sep="\n")
