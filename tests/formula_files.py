"""Formula files as users write them: good ones, wrong ones, and ones that are no formulas."""

from __future__ import annotations

from pathlib import Path

GOOD = '''\
"""Half the squared norm."""
from derive import Formula, Program, Sum, claim, define, gradient, letters, names, sizes, tensor

MEANING = ("variable", "变量")


def program():
    (n,) = sizes("n")
    i, j = letters("i j")
    x = tensor("x", n, meaning=MEANING)
    (y,) = names("y")
    return Program.of([x], define(y, Sum(i, x[i] ** 2) / 2, meaning=("value", "函数值")))


def claims(main):
    x = main.tensor("x")
    return [
        claim(("Its gradient", "其梯度"), gradient(main, "x"), expected={"x": lambda i: x[i]}, prose=("", "")),
    ]


FORMULA = Formula(
    id="half-square",
    title="Half a square",
    title_zh="平方的一半",
    program=program,
    claims=claims,
    reference="Nobody (2000), Nothing",
    summary=("Half the squared norm.", "平方范数的一半。"),
)
'''

WRONG = GOOD.replace("lambda i: x[i]", "lambda i: 2 * x[i]")

NEVER = '''\
"""What follows from a premise that never holds."""
from derive import Formula, Program, Statement, claim, define, letters, line, names, number, prove, sizes, tensor


def program():
    (n,) = sizes("n")
    (i,) = letters("i")
    x = tensor("x", n, meaning=("variable", "变量"), domain="positive")
    (y,) = names("y")
    return Program.of([x], define(y[i], x[i] ** 2, meaning=("square", "平方")))


def claims(main):
    (n,) = main.sizes()
    (i,) = letters("i", n)
    x = main.tensor("x")
    premise = Statement(x[i], "<", number(-1))
    chain = prove(premise, line("⇒", Statement(x[i], "<", number(0)), why=("-1 is below 0", "-1 小于 0")))
    return [claim(("What is below -1 is negative", "小于 -1 者为负"), [chain], program=main)]


FORMULA = Formula(
    id="never-exercised",
    title="A premise that never holds",
    title_zh="永不成立的前提",
    program=program,
    claims=claims,
    reference="Nobody (2000), Nothing",
    summary=("Its premise never holds.", "其前提永不成立。"),
)
'''


def changed(old: str, new: str, text: str = GOOD) -> str:
    """A file with one thing changed, which must be there."""
    assert old in text, old
    return text.replace(old, new)


def line_of(words: str, text: str) -> int:
    """The number of the first line that holds these words."""
    return next(number for number, line in enumerate(text.splitlines(), 1) if words in line)


RAISES = changed('    (y,) = names("y")', "    (y,) = 1 / 0")

FORMULA, CLAIM = line_of("FORMULA =", GOOD), line_of("claim((", GOOD)

# Name: the file, what the message must say, the exit code.
BAD: dict[str, tuple[str, tuple[str, ...], int]] = {
    "does not parse": (GOOD + "\ndef (:\n", (f"formula.py, line {len(GOOD.splitlines()) + 2}", "does not parse"), 2),
    "holds bytes that are no text": ("\0" + GOOD, ("formula.py",), 2),
    "raises when imported": (
        changed("MEANING = (", "MEANING = undefined_name or ("),
        ("formula.py, line 4", "NameError", "undefined_name"),
        2,
    ),
    "exits when imported": (changed("MEANING =", "raise SystemExit(0)\nMEANING ="), ("line 4", "SystemExit"), 2),
    "declares no formula": (changed("FORMULA = ", "OTHER = "), ("formula.py", "FORMULA = Formula(id="), 2),
    "declares something else": (GOOD + "\nFORMULA = 3\n", ("FORMULA = Formula(id=",), 2),
    "lacks title_zh": (changed('    title_zh="平方的一半",\n', ""), ("lacks 'title_zh'", f"line {FORMULA}"), 2),
    "lacks the reference and the summary": (
        changed('    reference="Nobody (2000), Nothing",\n', "").replace(
            '    summary=("Half the squared norm.", "平方范数的一半。"),\n', ""
        ),
        ("lacks 'reference' and 'summary'",),
        2,
    ),
    "has an empty reference": (changed("Nobody (2000), Nothing", " "), ("half-square", "no reference"), 2),
    "has an empty title_zh": (changed('"平方的一半"', '""'), ("no title_zh",), 2),
    "has no summary in Chinese": (changed('"平方范数的一半。"', '""'), ("summary", "Chinese"), 2),
    "has a summary in one language": (
        changed('("Half the squared norm.", "平方范数的一半。")', '"ab"'),
        ("summary", "Chinese"),
        2,
    ),
    "has a title that is no text": (changed('"Half a square"', "None"), ("no title",), 2),
    "has a claim title in one language": (changed('("Its gradient", "其梯度")', '"Its gradient"'), ("pairs",), 2),
    "has an id with a path in it": (changed('"half-square"', '"../../outside"'), ("lower-case words", "../"), 2),
    "has a program that is no function": (
        changed("program=program", "program=program()"),
        ("program of the formula", "the function itself"),
        2,
    ),
    "returns no program": (
        changed("    return Program.of([x], ", "    (").replace('"函数值")))', '"函数值")))'),
        ("program() returns a Program, not NoneType",),
        2,
    ),
    "returns no claims": (changed("    return [\n", "    _ = [\n"), ("claims() returns a list",), 2),
    "returns something else than claims": (changed("    return [\n", "    return [3,\n"), ("claims() returns",), 2),
    "has nothing to say": (changed("    return [\n", "    return []\n    _ = [\n"), ("nothing to derive",), 3),
    "raises in program()": (RAISES, (f"formula.py, line {line_of('1 / 0', RAISES)}", "ZeroDivisionError"), 2),
    "raises in claims()": (
        changed('x = main.tensor("x")', 'x = main.tensor("nonsense")'),
        (f"formula.py, line {line_of('x = main', GOOD)}", "no tensor 'nonsense'"),
        2,
    ),
    "names an unknown variable": (changed('gradient(main, "x")', 'gradient(main, "X")'), (f"line {CLAIM}", "'X'"), 2),
    "has an index with two sizes": (
        changed('(n,) = sizes("n")', 'n, m = sizes("n m")')
        .replace("x = tensor", 'w = tensor("w", m)\n    x = tensor')
        .replace("x[i] ** 2", "x[i] * w[i]"),
        ("formula.py, line 13", "'i' has two sizes"),
        2,
    ),
    "has a wrong number of axes": (changed("x[i] ** 2", "x[i, j] ** 2"), ("line 12", "1 axes", "2 indices"), 2),
    "leaves an index alone": (changed("Sum(i, x[i] ** 2) / 2", "x[i]"), ("line 12", "neither on the left"), 2),
    "uses an unknown operation": (
        changed("x[i] ** 2", "numpy.cbrt(x[i])").replace('"""Half', 'import numpy\n"""Half'),
        ("line 13",),
        2,
    ),
    "imports an unknown operation": (
        changed("import Formula", "import bessel, Formula"),
        ("formula.py, line 2", "bessel"),
        2,
    ),
    "uses a function without a law": (
        changed(
            "x[i] ** 2",
            "Apply(replace(ELEMENTWISE['sin'], name='bessel', derivative=None), (x[i],))",
            changed(
                "from derive import",
                "from dataclasses import replace\nfrom derive.functions import ELEMENTWISE\n"
                "from derive.nodes import Apply\nfrom derive import",
            ),
        ),
        ("formula.py, line 21", "'bessel' has no derivative"),
        2,
    ),
    "has a tensor whose name runs": (
        changed('tensor("x"', "tensor(\"__import__('os').system('true')\""),
        ("line 10", "identifier"),
        2,
    ),
    "has a size whose name is LaTeX": (changed('sizes("n")', r'sizes(r"\\input{n}")'), ("line 8", "identifier"), 2),
    "has an unknown domain": (
        changed("meaning=MEANING", 'meaning=MEANING, domain="posative"'),
        ("'x'", "no domain 'posative'", "did you mean 'positive'"),
        2,
    ),
    "has a domain without members": (
        changed("meaning=MEANING", 'meaning=MEANING, domain="symmetric"'),
        ("'x'", "'symmetric'", "axes"),
        2,
    ),
    "expects a result of something else": (
        changed('expected={"x"', 'expected={"z"'),
        (f"line {CLAIM}", "no chain finds 'z'"),
        2,
    ),
    "relates lines by nonsense": (
        changed(
            "    return [\n",
            '    from derive import line, prove\n    prove(x[0], line("~", x[0]), within=main)\n    return [\n',
        ),
        (f"formula.py, line {line_of('return [', GOOD) + 1}", "'~'"),
        2,
    ),
}


def write(folder: Path, text: str, name: str = "formula.py") -> Path:
    """A formula file in a folder."""
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path
