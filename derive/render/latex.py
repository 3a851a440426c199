"""LaTeX: a document to hand in, or a fragment for a document of one's own.

It needs amsmath, amssymb and bm (and CJKutf8 for Chinese), and compiles without a warning. Headings stay with what
they head, and no line is wider than the page.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Iterator, Sequence

from derive.derivation import Chain, Evidence
from derive.matrix import matrix_form_of
from derive.matrix.tree import Diag, Entrywise, Guarded, Matrix, SliceSum, below
from derive.nodes import Node, Tensor
from derive.render.blocks import Block, Conclusion, Document, Given, Line, Mark, Section, Setup, SymbolRow
from derive.render.document import Subject, document
from derive.render.equation import Equation, MatrixSide, equation_tokens
from derive.render.inline import write_prose
from derive.render.mathematics import Scope, Writer
from derive.render.naming import Names, symbol_of, tensor_symbol
from derive.render.phrases import sentence, titled
from derive.render.tex import ROOM, TexPen, aligned, compact, latex_math, text_width, widest
from derive.render.tex_text import is_chinese, tex_text
from derive.size_algebra import Size

__all__ = [
    "latex", "latex_equation", "latex_inline", "latex_shape", "latex_size", "latex_size_name", "latex_symbol",
    "power_of_ten", "remark_before", "results", "right_side", "shape_width", "symbol_cells",
]  # fmt: skip

WRITER = Writer(TexPen())

_PREAMBLE = r"""\documentclass[11pt,a4paper,fleqn]{article}
\usepackage[T1]{fontenc}
\usepackage{lmodern}
\usepackage{amsmath,amssymb,bm}
%(packages)s\setlength{\textwidth}{160mm}
\setlength{\oddsidemargin}{25mm}\addtolength{\oddsidemargin}{-1in}
\setlength{\textheight}{243mm}
\setlength{\topmargin}{20mm}\addtolength{\topmargin}{-1in}
\setlength{\headheight}{0pt}\setlength{\headsep}{0pt}\setlength{\footskip}{11mm}
\setlength{\mathindent}{1.5em}
\setlength{\parindent}{0pt}\setlength{\parskip}{0.4ex plus 0.2ex}
\raggedbottom
\emergencystretch=4em
\clubpenalty=10000 \widowpenalty=10000 \displaywidowpenalty=10000 \predisplaypenalty=10000
\makeatletter\@beginparpenalty=10000 \makeatother
\begin{document}
\setlength{\abovedisplayskip}{0.7ex plus 0.4ex}\setlength{\abovedisplayshortskip}{0.4ex plus 0.3ex}
\setlength{\belowdisplayskip}{0.7ex plus 0.4ex}\setlength{\belowdisplayshortskip}{0.7ex plus 0.4ex}
%(open)s"""

_TITLE = r"""{\raggedright\LARGE\bfseries %(title)s\par}%(summary)s
\vspace{1ex}\hrule height 0.6pt \vspace{1ex}
"""

_LIST = (
    r"\begin{list}{}{\setlength{\leftmargin}{2.1em}\setlength{\labelwidth}{1.8em}\setlength{\labelsep}{0.3em}"
    r"\setlength{\itemsep}{0.5ex plus 0.4ex}\setlength{\parsep}{0pt}\setlength{\topsep}{0pt}"
    r"\setlength{\partopsep}{0pt}}"
)

SMALLER = 0.82
"""Footnotes, as a part of the size of the text."""
SIZES = (("", 1.0), (r"\small", 0.93), (r"\footnotesize", 0.84), (r"\scriptsize", 0.75))
"""Sizes of letters, as parts of that of the text; large parentheses do not become smaller with them."""
INDENT = 2.1
"""By how many em a line of a chain is narrower than the page."""
BRIEF = 45
"""Up to how many characters a reason stands beside its equation."""
WHOLE = 20
"""Up to how many rows a table stays on one page."""


def latex(subject: Subject, evidence: Evidence | None = None, lang: str = "en", fragment: bool = False) -> str:
    """The derivation as LaTeX: a document of its own, or with ``fragment`` what stands between its begin and end.

    Raises: DerivationError when a check fails.
    """
    made = document(subject, evidence, lang)
    body = "\n".join(_document(made))
    if fragment:
        return body
    chinese = lang == "zh" or is_chinese(body)
    packages = "\\usepackage{CJKutf8}\n" if chinese else ""
    start = "\\begin{CJK}{UTF8}{gbsn}\n" if chinese else ""
    end = "\\clearpage\n\\end{CJK}\n" if chinese else ""
    return _PREAMBLE % {"packages": packages, "open": start} + body + f"\n{end}\\end{{document}}\n"


# ------------------------------------------------------------------------------------- pieces for other formats


def latex_equation(equation: Equation | MatrixSide, *, room: float = ROOM) -> str:
    """A displayed equation, broken into lines where it is too long for one; without the delimiters."""
    return aligned(equation_tokens(equation, WRITER), room)


def latex_inline(equation: Equation | Node) -> str:
    """An equation on one line."""
    if isinstance(equation, Node):
        return WRITER.node(equation, Scope(Names())).source
    return "".join(token.source for token in equation_tokens(equation, WRITER)).strip()


def latex_symbol(symbol: Tensor | Size | str) -> str:
    """A symbol of the table."""
    if isinstance(symbol, Tensor):
        return WRITER.pen.symbol(tensor_symbol(symbol)).source
    if isinstance(symbol, str):
        return _NOTATIONS[symbol]
    return WRITER.size(symbol).source


def latex_shape(shape: Sequence[Size]) -> str:
    """``n \\times d``."""
    runs = [WRITER.size(axis) for axis in shape]
    fenced = [WRITER.pen.fence(run) if len(runs) > 1 and run.level == 1 else run for run in runs]
    # braces: a line may end at a times sign, not inside an axis
    return r" \times ".join(f"{{{run.source}}}" for run in fenced)


def symbol_cells(
    made: Document, row: SymbolRow, draw: Callable[[str], str], write: Callable[[str], str]
) -> tuple[str, str, str]:
    """A row of the table of symbols, where ``draw`` shows a formula in LaTeX and ``write`` shows prose."""
    symbols = ", ".join(draw(latex_symbol(s)) for s in row.symbols)
    shape = "" if row.shape is None else draw(latex_shape(row.shape)) if row.shape else write(made.say("scalar"))
    meaning = write(row.meaning)
    if row.below is not None:
        extra = f"{write(made.say('integers below'))} {draw(latex_size(row.below))}"
        meaning = f"{meaning}; {extra}" if meaning else extra
    return symbols, shape, meaning


def remark_before(given: Given, draw: Callable[[str], str], write: Callable[[str], str]) -> str:
    """What stands before definitions that belong together, or nothing."""
    along = "" if given.along is None else f" {draw(latex_inline(given.along))}"
    return f"{write(titled(given.remark))}{along}:" if given.remark else ""


def shape_width(shape: Sequence[Size]) -> float:
    """The width of ``latex_shape``, in em."""
    return sum(WRITER.size(axis).width + 1.2 for axis in shape)


def latex_size(size: Size) -> str:
    """A size."""
    return WRITER.size(size).source


def latex_size_name(name: str) -> str:
    """The symbol of a size, by its name."""
    return WRITER.pen.symbol(symbol_of(name)).source


_NOTATIONS = {
    "cotangent": r"\bar{\square}", "tangent": r"\dot{\square}", "along": r"\operatorname{D}",
    "bracket": r"[\,\cdots]", "dot": r"x_{i\cdot}",
}  # fmt: skip


def power_of_ten(value: float) -> str:
    """``1.2 \\times 10^{-11}``."""
    if value == 0:
        return "0"
    digits, exponent = f"{value:.1e}".split("e")
    return rf"{digits} \times 10^{{{int(exponent)}}}"


def right_side(chain: Chain) -> str:
    """The result of a chain on one line, as short as LaTeX has it; in matrix notation where there is one.

    A scalar, and what matrix notation needs guards, sums of slices or diagonal matrices in a function for, is written
    by its indices where that is shorter.
    """
    form = matrix_form_of(chain)
    whole = None if form is None else compact(form.latex())
    if form is not None and whole is not None and chain.letters and not _is_forced(form.tree):
        return whole
    by_indices = compact(latex_math(chain.result, Names().bind(chain.letters)))
    return min(whole or by_indices, by_indices, key=lambda text: len("".join(text.split())))


def _is_forced(tree: Matrix) -> bool:
    """Whether a matrix form has guards of slices, sums of them, or a diagonal matrix in a function of its entries."""
    parts = list(below(tree))
    functions = [part for part in parts if isinstance(part, Entrywise)]
    return any(isinstance(part, (Guarded, SliceSum)) for part in parts) or any(
        isinstance(part, Diag) for function in functions for part in below(function)
    )


def results(subject: Subject, evidence: Evidence | None = None, lang: str = "en") -> str:
    """The results alone, one display between dollars."""
    made = document(subject, evidence, lang)
    rows = [latex_equation(c.equation) for section in made.sections for c in section.conclusions]
    body = rows[0] if len(rows) == 1 else "\\begin{gathered}\n" + " \\\\\n".join(rows) + "\n\\end{gathered}"
    return f"$$\n{body}\n$$"


# -------------------------------------------------------------------------------------------------- document


def _dollars(formula: str) -> str:
    return f"${formula}$"


def _prose(text: str) -> str:
    return write_prose(text, tex_text, _dollars)


def _document(made: Document) -> Iterator[str]:
    summary = rf"\par\vspace{{0.8ex}}{_prose(made.summary)}\par" if made.summary else ""
    yield _TITLE % {"title": _prose(made.title), "summary": summary}
    yield _heading(made.say("claim"))
    for section in made.sections:
        if section.title:
            yield rf"\par\medskip {_prose(section.title)}\nopagebreak"
        for conclusion in section.conclusions:
            yield _display(conclusion)
    yield from _setup(made, made.setup, 0)
    for section in made.sections:
        yield from _section(made, section)
    yield from _checks(made)
    if made.answer:
        yield _heading(made.say("answer"))
        yield _prose(made.answer) + r"\par"
    if made.reference:
        yield _heading(made.say("reference"))
        yield tex_text(made.reference) + r"\par"


def _heading(text: str, level: int = 0) -> str:
    command = ("section", "subsection", "subsubsection")[level]
    return rf"\{command}*{{\raggedright {text}}}"


def _display(what: Equation | MatrixSide | Conclusion, level: int = 0, *, kept: bool = False) -> str:
    """A display of its own; where it is ``kept`` no page ends after it."""
    # a display that begins a paragraph would have an empty line above it
    size, form = _sized(what, ROOM - INDENT * level)
    shown = f"\\noindent\\[\n{form}\n\\]"
    if not kept:
        return f"{{{size}{shown}}}" if size else shown
    return f"{{{size}\\postdisplaypenalty=10000{shown}}}%"


def _sized(what: Equation | MatrixSide | Conclusion, room: float) -> tuple[str, str]:
    """A form, and the size of letters at which its longest line fits: a fraction is not broken into lines."""
    tokens = equation_tokens(_equation(what), WRITER)
    fitting = ((size, part) for size, part in SIZES if widest(tokens, room / part) <= room / part)
    size, part = next(fitting, SIZES[-1])
    return size, _form(what, room / part)


def _form(what: Equation | MatrixSide | Conclusion, room: float = ROOM) -> str:
    return latex_equation(_equation(what), room=room)


def _equation(what: Equation | MatrixSide | Conclusion) -> Equation | MatrixSide:
    return what.expected or what.equation if isinstance(what, Conclusion) else what


def _setup(made: Document, setup: Setup, level: int) -> Iterator[str]:
    yield _heading(made.say("setup"), level)
    rows = [symbol_cells(made, row, _dollars, _prose) for row in setup.symbols]
    # a table that may be longer than a page is a paragraph for every row
    yield r"{\setlength{\parskip}{0pt}\small"
    # the Chinese font has no italics
    style = r"\itshape " if made.lang == "en" else ""
    yield _columns(*(style + made.say(key) for key in ("symbol", "shape", "meaning")))
    yield r"\nopagebreak\vspace{2pt}\hrule height 0.4pt\nopagebreak\vspace{4pt}"
    for m, row in enumerate(rows, 2):
        kept = len(rows) <= WHOLE or m >= len(rows)
        yield _columns(*row) + (r"\nopagebreak" if kept else "") + r"\vspace{1pt}"
    yield r"\vspace{2pt}\hrule height 0.4pt}"
    if setup.note:
        yield rf"\nopagebreak\vspace{{3pt}}{{\small {_prose(setup.note)}\par}}"
    yield _heading(made.say("forward"), level + 1 if level else 0)
    for m, given in enumerate(setup.definitions, 2):
        # the last stands with the one before
        yield from _given(given, kept=m == len(setup.definitions))
    if setup.assumptions:
        yield _heading(made.say("assumptions"), level + 1 if level else 0)
        for equation, reason in setup.assumptions:
            brief = len(reason) < BRIEF
            beside = rf"\quad\text{{({_prose(reason)})}}" if reason and brief else ""
            yield f"\\noindent\\[\n{latex_equation(equation)}{beside}\n\\]"
            if reason and not brief:
                yield rf"\nopagebreak{{\small {_prose(sentence(reason))}\par}}"


def _columns(symbol: str, shape: str, meaning: str) -> str:
    boxes = (("0.17", symbol), ("0.25", shape), ("0.56", meaning))
    cells = [rf"\parbox[t]{{{width}\linewidth}}{{\raggedright {text}\strut}}" for width, text in boxes]
    return r"\noindent " + r"\hfill ".join(cells) + r"\par"


def _given(given: Given, *, kept: bool) -> Iterator[str]:
    if given.remark:
        yield rf"{{\small {remark_before(given, _dollars, _prose)}\par}}\nopagebreak"
    for equation in given.equations:
        yield _display(equation, kept=kept)


def _section(made: Document, section: Section) -> Iterator[str]:
    yield _heading(_prose(section.title) if section.title else made.say("derivation"))
    if section.prose:
        yield _prose(section.prose) + r"\par"
    if section.setup is not None:
        yield from _setup(made, section.setup, 1)
        yield _heading(made.say("derivation"), 1)
    for m, block in enumerate(section.blocks):
        yield from _block(made, block, first=not m)
    yield from _results(made, section.conclusions)


def _block(made: Document, block: Block, level: int = 0, *, first: bool = False) -> Iterator[str]:
    if not level and not first and (block.note or block.lines):
        # a rule made of leaders is gone where a page ends before it
        yield r"\par\pagebreak[1]\vspace{1.2ex plus 1ex}\leaders\hrule\vskip 0.2pt\nopagebreak\vspace{1ex}"
    if block.note:
        yield rf"{_prose(block.note)}\par\nopagebreak"
    yield _display(block.opening, level, kept=True)
    if block.lines:
        yield _LIST
        for line in block.lines:
            yield from _line(made, line, level)
        yield r"\end{list}"


def _line(made: Document, line: Line, level: int) -> Iterator[str]:
    parts = [rf"\textbf{{{_prose(titled(line.law))}}}{_dot(made)}{{\small {_prose(sentence(line.why))}}}"]
    if line.reference:
        parts.append(rf"{{\small ($\dagger$ {made.say('stated')} {tex_text(line.reference)})}}")
    if line.statements:
        listed = r",\enspace ".join(f"${statement}$" for statement in line.statements)
        # a law is not broken into lines: it would be harder to read than a line that ends early
        parts.append(rf"{{\small\relpenalty=10000 \binoppenalty=10000 {listed}}}")
    if line.conditions:
        parts.append(rf"{{\small ({made.say('provided')} {_conditions(line.conditions)})}}")
    room = "2.1em" if level else "1.8em"
    yield rf"\item[{{\makebox[{room}][l]{{\small\textbf{{{line.number}}}}}}}]\rightskip=0pt plus 8em"
    width = widest(equation_tokens(line.equation, WRITER), ROOM - INDENT * (level + 1))
    beside = width + _mark_width(made, line.mark) < ROOM - INDENT * (level + 1)
    mark = rf"{{\footnotesize {_mark(made, line.mark)}}}"
    if beside:
        yield "\n".join(parts)
    else:
        # the check stands at the right end of the last line, or alone on a line of its own
        yield r"\parfillskip=0pt " + "\n".join(parts) + r"\unskip\nobreak\hfil\penalty50\hskip1em\null\nobreak\hfil"
        yield mark
    tag = rf"\tag*{{{mark}}}" if beside else ""
    size, form = _sized(line.equation, ROOM - INDENT * (level + 1))
    shown = f"\\[\n{form}{tag}\n\\]"
    yield f"{{{size}{shown}}}" if size else shown
    yield r"\parfillskip=0pt plus 1fil"
    for block in line.substeps:
        yield r"{\small " + made.say("in smaller steps") + ":}"
        yield from _block(made, block, level + 1)


def _conditions(conditions: Iterable[str | Equation]) -> str:
    return "; ".join(_prose(c) if isinstance(c, str) else f"${latex_inline(c)}$" for c in conditions)


def _mark(made: Document, mark: Mark | None) -> str:
    if mark is None:
        return rf"$\circ$ {made.say('not checked')}"
    if mark.outcome != "holds":
        reason = f": {tex_text(mark.message)}" if mark.message else ""
        return rf"$\circ$ \textbf{{{made.say('unexercised')}}}{reason}"
    parts = [rf"{mark.points} {made.say('point' if mark.points == 1 else 'points')}"] if mark.points else []
    if mark.sizes:
        parts[-1:] = [f"{''.join(parts[-1:])} ({tex_text(mark.sizes)})".strip()]
    if mark.points:
        parts.append(rf"{made.say('error')} ${power_of_ten(mark.error)}$")
    return rf"\mbox{{\checkmark~{', '.join(parts) or made.say('checked')}}}"


def _mark_width(made: Document, mark: Mark | None) -> float:
    """About how much room a check takes beside an equation, in em of the text."""
    if mark is None:
        return 2.0 + SMALLER * text_width(made.say("not checked"))
    if mark.outcome != "holds":
        return math.inf
    words = text_width(f"✓ {mark.points} {made.say('points')} ({mark.sizes}), {made.say('error')} ")
    return 2.0 + SMALLER * (words + (5.2 if mark.error else 0.5))


def _results(made: Document, conclusions: Sequence[Conclusion]) -> Iterator[str]:
    yield _heading(made.say("result"), 1)
    for m, conclusion in enumerate(conclusions):
        if m:
            yield r"\par\vspace{1.2ex}"
        rows = []
        for key, form in conclusion.forms:
            beside = _beside(form, ROOM - 9, "&&&" if key else "") if isinstance(form, MatrixSide) else ""
            label = rf"&\text{{\footnotesize {tex_text(made.say(key))}}} &\quad& " if key else ""
            rows.append(label + _form(form, ROOM - 9) + beside)
        box = rows[0]
        if len(rows) > 1:
            box = "\\begin{alignedat}{2}\n" + " \\\\[0.8ex]\n".join(rows) + "\n\\end{alignedat}"
        yield "{\\postdisplaypenalty=10000\\noindent\\[\n\\setlength{\\fboxsep}{7pt}\\boxed{" + box + "}\n\\]}%"
        for mark in conclusion.marks:
            yield rf"\nopagebreak{{\footnotesize\hspace*{{1.8em}}{_mark(made, mark)} ({tex_text(mark.witness)})\par}}"


def _beside(form: MatrixSide, room: float, cells: str) -> str:
    """What a matrix form leaves open, beside it or, where that is too wide, in a row of its own."""
    if not form.notes:
        return ""
    said = f"({'; '.join(form.notes)})"
    width = widest(equation_tokens(form, WRITER), room) + SMALLER * text_width(said)
    note = rf"\text{{\footnotesize {_prose(said)}}}"
    return rf"\quad {note}" if width <= room else rf" \\ {cells}\quad {note}"


def _checks(made: Document) -> Iterator[str]:
    yield _heading(made.say("checks"))
    yield tex_text(made.account)
    if made.assignments:
        yield rf"\par {tex_text(made.say('assignments'))}:\par\nopagebreak"
        for label, sizes in made.assignments:
            listed = r",\; ".join(f"{latex_size_name(name)} = {value}" for name, value in sizes)
            yield rf"\noindent\hspace*{{1.8em}}\textbf{{{label}}}\enspace $\allowbreak {listed}$\par"


def _dot(made: Document) -> str:
    return "。" if made.lang == "zh" else ". "
