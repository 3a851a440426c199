"""One self-contained HTML page: styles, fonts and KaTeX are inside, and nothing is ever fetched.

`page` wraps a body of HTML whose text is already escaped. Formulas in it are made by `math`; KaTeX turns
them into glyphs when the page is opened. The vocabulary of the body::

    <h1>                        the title
    <p class="lead">            one sentence below the title
    <section class="claim">     what is derived
    <table class="setup">       one row per symbol: <td>symbol <td>shape <td>meaning (a <thead> is optional);
                                a <td class="long"> may take several lines
    <div class="steps">         the derivation; its steps are numbered, and numbered 3.1, 3.2 inside step 3
      <article class="step">
        <header>
          <span class="law">    name of the law, in words; may be followed by
          <span class="statement">  the law itself as an inline formula
          <span class="check ok">   checked <small>largest error 1.1e-13 at 24 points</small>
        </header>
        math(tex, display=True)
        <p class="why">         one sentence
        <details><summary>Expansion</summary> <article class="step"> ... </details>
    <section class="result">    the answer, boxed: a <div class="conclusion"> for each, closed by <ul class="checks">
    <p class="reference">       where it is stated in the literature

`<span class="kept">` holds a formula in a line together with the stop after it. A check says how it ended by its
second class: `ok`, `unexercised` (could not be exercised), `wrong`, or `stated` (taken from the reference, not
derived here). The body begins with the only h1; the other headings are h2 and h3.
`<pre><code>`, plain tables and lists are styled too, and `<div class="scroll">` gives anything wide a box of
its own to scroll in.

When everything is drawn the page says how it went, as data attributes of <html>: `data-formulas` and
`data-rendered` (counts), `data-errors` (formulas KaTeX refused, shown as red source), `data-lenient`
(formulas KaTeX accepted although LaTeX would not), `data-overflow` (pixels by which the page is wider than
its window, every fold opened).
"""

import re
from base64 import b64encode
from functools import cache
from hashlib import sha256
from html import escape
from importlib.resources import files

_FOLDER = files("derive.render")

# Reached only through these commands, and a quarter of the page's weight: inlined where a page uses them.
_OCCASIONAL_FONTS = {
    "KaTeX_Caligraphic": (r"\mathcal", r"\cal"),
    "KaTeX_Fraktur": (r"\mathfrak", r"\frak"),
    "KaTeX_SansSerif": (r"\mathsf", r"\textsf", r"\sf"),
    "KaTeX_Script": (r"\mathscr",),
    "KaTeX_Typewriter": (r"\mathtt", r"\texttt", r"\tt", r"\verb", r"\url"),
}
# Styled letters typed directly (𝒳, 𝔤, ℒ) need the same fonts without any command.
_STYLED_LETTER = re.compile("[\u2100-\u214f\U0001d400-\U0001d7ff]")

_FONT_FACE = re.compile(
    r'@font-face\{(?P<face>[^}]*?font-family:"?(?P<family>\w+)[^}]*?)src:url\((?P<woff2>[^)]+\.woff2)\)[^}]*\}'
)

_TOGGLE = {"en": "light or dark", "zh": "浅色或深色"}

_TEMPLATE = """\
<!DOCTYPE html>
<html lang="{lang}">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<title>{title}</title>
<style>{katex_css}</style>
<style>
{css}</style>
</head>
<body>
<main>
<button id="theme" type="button" title="{toggle}" aria-label="{toggle}"></button>
{body}
</main>
<script>{katex_js}</script>
<script>{js}</script>
</body>
</html>
"""


def page(title: str, body: str, lang: str = "en") -> str:
    """The whole page; `title` is plain text for the window, `body` is HTML whose text is already escaped."""
    katex_js, js = _script("katex/katex.min.js"), _script("page.js")
    return _TEMPLATE.format(
        lang=escape(lang),
        policy=_policy(katex_js, js),
        title=escape(title),
        katex_css=_katex_css(frozenset(_unused_fonts(body))),
        css=_text("page.css"),
        toggle=_TOGGLE["zh" if lang.startswith("zh") else "en"],
        body=body,
        katex_js=katex_js,
        js=js,
    )


def math(tex: str, display: bool) -> str:
    """An element that holds one formula: a block when `display`, else part of the line."""
    tag = "div" if display else "span"
    return f'<{tag} class="math">{escape(tex, quote=False)}</{tag}>'


def _policy(*scripts: str) -> str:
    """Only these very scripts run, so that text which escaped escaping stays text."""
    hashes = " ".join(f"'sha256-{b64encode(sha256(script.encode()).digest()).decode()}'" for script in scripts)
    return (
        f"default-src 'none'; script-src {hashes}; style-src 'unsafe-inline'; font-src data:; img-src data:; "
        "base-uri 'none'; form-action 'none'"
    )


def _unused_fonts(body: str) -> list[str]:
    if _STYLED_LETTER.search(body):
        return []
    return [
        family for family, commands in _OCCASIONAL_FONTS.items() if not any(command in body for command in commands)
    ]


@cache
def _katex_css(unused: frozenset[str]) -> str:
    def inline(face: re.Match[str]) -> str:
        if face["family"] in unused:
            return ""
        font = b64encode((_FOLDER / "katex" / face["woff2"]).read_bytes()).decode()
        return f'@font-face{{{face["face"]}src:url(data:font/woff2;base64,{font}) format("woff2")}}'

    return _FONT_FACE.sub(inline, _text("katex/katex.min.css"))


@cache
def _script(name: str) -> str:
    """JavaScript that HTML cannot end early; both replacements mean the same inside its literals."""
    text = re.sub(r"</(?=script)", r"<\\/", _text(name), flags=re.IGNORECASE)
    return text.replace("<!--", r"<\!--")


@cache
def _text(name: str) -> str:
    return (_FOLDER / name).read_text(encoding="utf-8")
