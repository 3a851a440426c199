"""Critical points as text, JSON and HTML: what is said, how many digits, and how wide it is."""

from __future__ import annotations

import json
import math
import re
from dataclasses import replace
from html.parser import HTMLParser
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.commands import imported_by, widest
from tests.verify.critical.found import double_wells, ring_of_minima, six_hump_camel
from verify.critical.points import Component, Cost, CriticalPoint, CriticalPoints, Spectrum, Undecided
from verify.critical.shown.layout import aligned, cell_width, fixed, folded, number, on_the_point, rounded_up
from verify.critical.shown.record import record
from verify.critical.shown.table import headline, radii, text


def spectrum(*values: float, bound: float = 1e-9, proved: bool = True) -> Spectrum:
    array = np.array(values, float)
    return Spectrum(array, array - bound, array + bound, proved)


def point(*x: float, eigenvalues: tuple[float, ...] = (), width: float = 1e-9, **more: Any) -> CriticalPoint:
    at = np.array(x, float)
    of = spectrum(*(eigenvalues or (1.0,) * len(x)))
    certified = more.pop("certified", True)
    enclosure = (at - width, at + width) if certified else None
    options = {"value": 0.5, "gradient_norm": 1e-12, "kind": of.kind, **more}
    return CriticalPoint(at, spectrum=of, certified=certified, enclosure=enclosure, **options)


def found(*points: CriticalPoint, **more: Any) -> CriticalPoints:
    n = len(points[0].x) if points else 2
    options = {"names": tuple("xyz"[:n]) if n <= 3 else tuple(f"x{k}" for k in range(1, n + 1)), **more}
    return CriticalPoints(points, **options)


def cells(found: CriticalPoints, columns: int = 80) -> list[list[str]]:
    """The table's head and rows, cut where two spaces are."""
    lines = [line for line in text(found, columns, None).split("\n") if re.match(r" +(#|\d+)  ", line)]
    return [re.split(r"  +", line.strip()) for line in lines]


BOX = (np.full(2, -1.0), np.full(2, 2.0))

# ------------------------------------------------------------------------------------------------------- headline


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (six_hump_camel(), "15 critical points in the box: 6 minima, 2 maxima, 7 saddles; proved complete"),
        (double_wells(1), "3 critical points: 2 minima, 1 maximum; nothing is proved"),
        (
            double_wells(3),
            "27 critical points: 8 minima, 1 maximum, 18 saddles (index 1: 12, 2: 6); nothing is proved",
        ),
        (found(box=BOX, complete=True), "no critical points in the box; proved complete"),
        (found(), "no critical points found; nothing is proved"),
        (found(point(1.0), complete=True), "1 critical point: 1 minimum; proved complete"),
        (found(point(1.0)), "1 critical point: 1 minimum; each proved, others are not excluded"),
        (
            found(point(1.0, 2.0), point(0.0, 0.0, certified=False)),
            "2 critical points: 2 minima; 1 of 2 proved, others are not excluded",
        ),
        (
            found(point(1.0, 2.0), undecided=(Undecided(*BOX, "why"),) * 3),
            "1 critical point: 1 minimum; each proved, 3 boxes undecided",
        ),
        (
            found(undecided=(Undecided(*BOX, "why"),)),
            "no critical points found; nothing is proved, 1 box undecided",
        ),
        (
            ring_of_minima(),
            "1 critical point and 1 curve of critical points in the box: 1 maximum; each proved, 1 box undecided",
        ),
        (
            found(point(0, 0, 0, eigenvalues=(-1.0, -2.0, 3.0)), point(0, 0, 1, eigenvalues=(0.0, 1.0, 1.0))),
            "2 critical points: 1 saddle of index 2, 1 degenerate; each proved, others are not excluded",
        ),
    ],
    ids=lambda value: value[:30] if isinstance(value, str) else "",
)
def test_the_first_line(result: CriticalPoints, said: str) -> None:
    assert headline(result) == said
    assert " ".join(str(result).split()).startswith(said)


def test_a_result_shows_itself() -> None:
    result = six_hump_camel()
    assert repr(result) == str(result) == text(result)


# ---------------------------------------------------------------------------------------------------------- table


def test_a_row_for_each_point() -> None:
    head, *rows = cells(six_hump_camel())
    assert head == ["#", "kind", "index", "value", "x", "y", "eigenvalues"]
    assert len(rows) == 15
    assert [row[0] for row in rows] == [str(k) for k in range(1, 16)]
    for row, one in zip(rows, six_hump_camel(), strict=True):
        assert row[1] == one.kind
        assert int(row[2]) == one.index
        assert float(row[3]) == pytest.approx(one.value, abs=1e-6)
        assert [float(row[4]), float(row[5])] == pytest.approx(list(one.x), abs=1e-6)
        assert [float(row[6]), float(row[7])] == pytest.approx(list(one.eigenvalues), rel=1e-3)
    # published: the two global minima are at (±0.0898, ∓0.7126) with the value −1.0316
    assert {row[3] for row in rows[:2]} == {"-1.031628"}
    assert {row[4] for row in rows[:2]} == {"0.089842", "-0.089842"}


@pytest.mark.parametrize("columns", [40, 60, 80, 100])
@pytest.mark.parametrize("n", [1, 2, 3, 4, 5])
def test_it_fits(n: int, columns: int) -> None:
    result = replace(double_wells(n), evidence=("a long sentence " * 20,), stopped="stopped " * 30)
    assert widest(text(result, columns)) <= columns
    head, *rows = cells(result, columns)
    assert head[:3] == ["#", "kind", "index"]
    assert len(rows) == 3**n


def test_wide_numbers_fit() -> None:
    rng = np.random.default_rng(0)
    for n in (1, 2, 3, 5, 9):
        points = [point(*rng.normal(size=n) * 10.0 ** rng.integers(-9, 9, n)) for _ in range(5)]
        points = [replace(one, value=10.0 ** rng.integers(-20, 20)) for one in points]
        for columns in (40, 80):
            assert widest(text(found(*points), columns)) <= columns


def test_wide_names_fit() -> None:
    for names in (("学习率", "动量"), ("a" * 30, "b"), ("学" * 15, "习")):
        for columns in (40, 80):
            assert widest(text(replace(six_hump_camel(), names=names), columns)) <= columns


def test_nullity_and_sureness_have_columns_where_they_differ() -> None:
    flat = point(0.0, 0.0, eigenvalues=(0.0, 2.0))
    assert "nullity" not in str(six_hump_camel())
    head, row = cells(found(flat))
    assert head[3] == "nullity"
    assert row[1:4] == ["degenerate", "0", "1"]
    assert row[-2:] == ["0±1e-09", "2.0000"]
    assert "sure" not in head
    head, *rows = cells(found(flat, point(1.0, 1.0, certified=False)))
    assert head[-1] == "sure"
    assert [row[-1] for row in rows] == ["proved", "measured"]


def test_decimal_points_stand_below_each_other() -> None:
    lines = [line for line in str(six_hump_camel()).split("\n") if re.match(r" +\d+  ", line)]
    places = {tuple(m.start() for m in re.finditer(r"\.", line)) for line in lines}
    assert len(places) == 1


def test_long_lists_are_cut_and_say_so() -> None:
    result = double_wells(6)
    shown = text(result)
    assert sum(bool(re.match(r" +\d+  \w", line)) for line in shown.split("\n")) == 40
    assert "… and 689 more points: points[k] is one of them; points.to_json() has all" in shown
    assert "… and 726 more points: use --all" in text(result, limit=3, more="use --all")
    assert "more points" not in text(result, limit=None)
    assert "more points" not in text(double_wells(3))


def test_points_of_many_variables_show_the_first() -> None:
    head, *_ = cells(double_wells(6))
    assert head[4].startswith("x1, x2, ")
    assert head[4].endswith("…")


# --------------------------------------------------------------------------------------------------------- digits


def test_no_more_digits_than_the_enclosure_proves() -> None:
    wide = point(0.123456789, 1.0, width=1e-4)
    head, row = cells(found(wide))
    assert row[head.index("x")] == "0.123"
    assert "x1 = 0.123\n" in str(wide)
    narrow = point(0.123456789, 1.0, width=1e-13)
    assert "x1 = 0.123456789000\n" in str(narrow)
    assert cells(found(narrow))[1][4] == "0.123457"


def test_eigenvalues_have_the_digits_of_their_bounds() -> None:
    of = Spectrum(np.array([1.23456789, 2.0]), np.array([1.23, 1.5]), np.array([1.24, 2.5]), True)
    one = replace(point(1.0, 2.0), spectrum=of)
    assert cells(found(one))[1][-2:] == ["1.2", "2"]
    assert "eigenvalue 1.2 ± 6e-03" in str(one)
    assert "eigenvalues within 5e-01, proved" in str(found(one))


def test_what_was_measured_has_the_digits_of_its_gradient() -> None:
    steep = point(1 / 3, 1 / 3, certified=False, gradient_norm=1e-4, eigenvalues=(1.0, 2.0))
    assert cells(found(steep))[1][4] == "0.333"
    exact = replace(steep, gradient_norm=1e-14)
    assert cells(found(exact))[1][4] == "0.333333"
    # x**4 has a gradient of 4e-9 at 1e-3: there is no digit to be seen
    flat = point(1e-3, 0.0, certified=False, gradient_norm=4e-9, eigenvalues=(1.2e-10, 2.0))
    assert radii(flat)[0][0] > 1e-3


@settings(max_examples=300, deadline=None, derandomize=True)
@given(
    st.floats(-1e12, 1e12, allow_subnormal=False) | st.floats(-1e-6, 1e-6, allow_subnormal=False),
    st.floats(0, 1e3, allow_subnormal=False) | st.floats(0, 1e-9, allow_subnormal=False),
    st.integers(2, 16),
    st.floats(-1, 1),
)
def test_a_printed_number_is_within_one_of_its_last_digit(
    value: float, radius: float, most: int, where: float
) -> None:
    """Wherever the true number is, within its radius."""
    printed = number(value, radius, most)
    truth = value + where * radius
    shown, _, bound = printed.partition("±")
    if bound:
        allowed = float(bound)
    else:
        mantissa, _, exponent = shown.partition("e")
        allowed = 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
        digits = len(re.sub(r"^[-0.]*", "", mantissa).replace(".", ""))
        assert digits <= most or not exponent
    assert abs(float(shown) - truth) <= allowed * (1 + 1e-9) + 1e-12 * abs(value)


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.lists(st.tuples(st.floats(-1e3, 1e3), st.floats(0, 1)), min_size=1, max_size=6))
def test_a_column_is_right_in_every_digit(pairs: list[tuple[float, float]]) -> None:
    values, bounds = zip(*pairs, strict=True)
    for cell, value, radius in zip(fixed(values, bounds, 7), values, bounds, strict=True):
        shown, _, bound = cell.partition("±")
        mantissa, _, exponent = shown.partition("e")
        allowed = float(bound) if bound else 10.0 ** (int(exponent or 0) - len(mantissa.partition(".")[2]))
        assert abs(float(shown) - value) + radius <= allowed * (1 + 1e-9) + 1e-12 * max(map(abs, values))


@pytest.mark.parametrize(
    ("value", "radius", "said"),
    [
        (math.pi, 1e-4, "3.142"),
        (math.pi, 0.6e-4, "3.142"),
        (math.pi, 0.4e-4, "3.1416"),
        (-math.pi, 0.0, "-3.14159"),
        (0.0, 0.0, "0"),
        (1e-12, 1e-9, "0±2e-09"),
        (5.0, 7.0, "0±2e+01"),
        (12.0, 7.0, "12±7e+00"),
        (1234567.0, 0.1, "1.23457e+06"),
        (1.5e-7, 1e-10, "1.50e-07"),
        (math.nan, 1.0, "nan"),
        (math.inf, 1.0, "inf"),
        (2.5, math.inf, "~2.5"),
        (2.5, math.nan, "~2.5"),
    ],
)
def test_numbers(value: float, radius: float, said: str) -> None:
    assert number(value, radius) == said


def test_a_value_that_is_nothing_beside_the_others_is_0() -> None:
    assert fixed([1.0, 1e-32, -1e-17], [1e-12] * 3, 5) == ["1.0000", "0.0000", "0.0000"]
    assert fixed([1.0, 1.234e-6], [0.0] * 2, 5) == ["1.0000", "1.2e-06"]
    assert fixed([1e-9, 2e-9], [1e-15] * 2, 3) == ["1.00e-09", "2.00e-09"]


@settings(max_examples=100, deadline=None, derandomize=True)
@given(st.floats(1e-300, 1e300))
def test_bounds_are_rounded_up(value: float) -> None:
    assert value <= float(rounded_up(value)) <= 2.01 * value


# ------------------------------------------------------------------------------------------------------- sentences


def test_what_stands_below_the_table() -> None:
    result = replace(
        six_hump_camel(),
        evidence=("one sentence", "another"),
        stopped="the time limit of 5 s was reached",
        complete=False,
    )
    lines = str(result).split("\n")
    assert "assuming: NumPy's elementary functions are right to a relative error of 1e-12" in lines
    assert "evidence: one sentence" in lines
    assert "evidence: another" in lines
    assert "stopped: the time limit of 5 s was reached" in lines
    assert "cost: 1,234 boxes, 15 values, 420 gradients, 77 Hessians, 0.31 s; seed 0" in lines
    assert lines[2] == "box: x in [-5, 5], y in [-5, 5]"


def test_what_is_undecided_is_gathered_by_reason() -> None:
    kink = [Undecided(np.array([k, 0.0]), np.array([k + 0.5, 1.0]), "a kink") for k in range(20)]
    edge = [Undecided(np.array([7.0, 7.0]), np.array([7.0, 7.0]), "an edge")]
    said = str(found(undecided=tuple(edge + kink)))
    assert "undecided: 20 boxes: a kink: x in [0, 0.5], y in [0, 1]; x in [1, 1.5]" in " ".join(said.split())
    assert "… and 17 more: points.undecided" in " ".join(said.split())
    assert "undecided: 1 point: an edge: x = 7, y = 7" in " ".join(said.split())
    assert said.index("a kink") < said.index("an edge")
    many = tuple(Undecided(*BOX, f"reason {k}") for k in range(9))
    assert "… and 3 more reasons: points.undecided" in str(found(undecided=many))


def test_boxes_are_rounded_outwards() -> None:
    low, high = np.array([1 / 3, -1 / 3]), np.array([2 / 3, 1 / 3])
    said = " ".join(str(found(undecided=(Undecided(low, high, "why"),))).split())
    ends = [float(one) for one in re.findall(r"-?\d\.\d+", said.split("why:")[1])[:4]]
    assert ends[0] <= 1 / 3
    assert ends[1] >= 2 / 3
    assert ends[2] <= -1 / 3
    assert ends[3] >= 1 / 3
    assert ends == pytest.approx([1 / 3, 2 / 3, -1 / 3, 1 / 3], abs=1e-5)


@pytest.mark.parametrize(("dimension", "word"), [(1, "a curve"), (2, "a surface"), (3, "a continuum of dimension 3")])
def test_continua(dimension: int, word: str) -> None:
    one = Component(np.zeros((3, 2)), dimension, *BOX, 0.25, "by symmetry")
    said = " ".join(str(found(components=(one,))).split())
    assert f"{word} of critical points, value 0.25, within x in [-1, 2], y in [-1, 2]: by symmetry" in said
    assert "… and 3 more continua: points.components" in str(found(components=(one,) * 8))


def test_notes() -> None:
    points = [replace(point(float(k), 0.0), note=f"note {k}" if k % 2 else "") for k in range(16)]
    said = str(found(*points))
    assert "\n2: note 1\n" in said
    assert "… and 3 more notes: points[k].note" in said
    assert "note 3" in str(points[3])


def test_text_of_others_cannot_break_the_lines() -> None:
    result = found(point(1.0, 2.0), stopped="a\nb\r\x1b[31mc", undecided=(Undecided(*BOX, "x\ny"),))
    said = str(result)
    assert "stopped: a b [31mc" in said
    assert "\x1b" not in said
    assert "x y" in said


def test_one_point_with_all_digits() -> None:
    one = six_hump_camel()[0]
    lines = str(one).splitlines()
    # published to 4 digits, and here with those of an enclosure of width 1e-13
    assert lines[0] == "minimum, proved"
    assert lines[1].startswith("  x = -0.0898420131")
    assert lines[2].startswith("  y = 0.71265640302")
    assert lines[3].startswith("  value -1.0316284534")
    assert re.fullmatch(r"  eigenvalue 7\.68225\d+ ± 9e-12", lines[4])
    saddle = point(0, 0, 0, eigenvalues=(-1.0, 0.0, 3.0), certified=False)
    assert str(saddle).startswith("saddle of index 1, nullity 1, measured\n")
    assert str(point(2.0)).splitlines()[1].startswith("  x = 2.0000")


# ----------------------------------------------------------------------------------------------------------- JSON

STABLE = {"complete", "summary", "assumption", "names", "box", "count", "kinds", "points", "components", "undecided",
          "evidence", "stopped", "cost", "seed"}  # fmt: skip


def test_json_keeps_every_float() -> None:
    result = six_hump_camel()
    data = json.loads(result.to_json())
    assert set(data) == STABLE
    assert (data["complete"], data["count"], data["names"]) == (True, 15, ["x", "y"])
    assert data["kinds"] == {"maximum": 2, "minimum": 6, "saddle": 7}
    assert data["cost"] == {"function": 15, "gradient": 420, "hessian": 77, "hvp": 0, "boxes": 1234, "seconds": 0.31}
    assert data["box"] == {"lower": [-5.0, -5.0], "upper": [5.0, 5.0]}
    for row, one in zip(data["points"], result, strict=True):
        assert row["x"] == list(one.x)
        assert row["value"] == one.value
        assert row["eigenvalues"] == list(one.eigenvalues)
        assert row["eigenvalue_bounds"]["lower"] == list(one.spectrum.lower)
        assert one.enclosure is not None
        assert row["enclosure"]["upper"] == list(one.enclosure[1])
        assert (row["kind"], row["index"], row["nullity"]) == (one.kind, one.index, one.nullity)
        assert row["certified"] is True


def test_json_of_all_else() -> None:
    data = json.loads(ring_of_minima().to_json(indent=1))
    assert data["components"][0]["dimension"] == 1
    assert len(data["components"][0]["points"]) == 36
    assert data["undecided"] == [
        {"lower": [0.99, -0.01], "upper": [1.01, 0.01], "reason": "the Hessian may be singular"}
    ]
    empty = json.loads(found().to_json())
    assert (empty["count"], empty["points"], empty["box"], empty["kinds"]) == (0, [], None, {})
    assert set(empty) == STABLE
    measured = record(double_wells(1))["points"][0]
    assert measured["enclosure"] is None


def test_json_has_words_for_what_is_no_number() -> None:
    wild = replace(point(math.nan, math.inf), value=-math.inf)
    data = json.loads(found(wild).to_json(), parse_constant=lambda word: pytest.fail(f"{word} is no JSON"))
    row = data["points"][0]
    assert row["x"] == ["NaN", "Infinity"]
    assert row["value"] == "-Infinity"
    assert [math.isnan(float(row["x"][0])), float(row["x"][1]), float(row["value"])] == [True, math.inf, -math.inf]
    assert widest(str(found(wild))) <= 80


# ----------------------------------------------------------------------------------------------------------- HTML


class Page(HTMLParser):
    """Which tags a page has, and its text; every tag must be closed."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.tags: list[str] = []
        self.text = ""
        self.feed(page)
        assert self.open == []

    def handle_starttag(self, tag: str, attributes: list[tuple[str, str | None]]) -> None:
        self.open.append(tag)
        self.tags.append(tag)
        assert {name for name, _ in attributes} <= {"style", "class"}

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text += data


def test_html_has_the_table() -> None:
    page = Page(six_hump_camel()._repr_html_())
    assert page.tags.count("tr") == 16
    assert "15 critical points in the box: 6 minima, 2 maxima, 7 saddles; proved complete" in page.text
    assert "-1.031628" in page.text
    assert Page(double_wells(6)._repr_html_()).text.count("… and 669 more points") == 1
    assert Page(found()._repr_html_()).tags.count("table") == 0


def test_html_escapes_everything() -> None:
    evil = "<script>alert(1)</script>&"
    result = CriticalPoints(
        (replace(point(1.0, 2.0), note=evil),),
        (evil, "y"),
        assumption=evil,
        undecided=(Undecided(*BOX, evil),),
        components=(Component(np.zeros((1, 2)), 1, *BOX, 0.0, evil),),
        box=BOX,
        evidence=(evil,),
        stopped=evil,
    )
    page = Page(result._repr_html_())
    assert "script" not in page.tags
    assert page.text.count(evil) >= 7


# --------------------------------------------------------------------------------------------------------- layout


def test_lines_are_folded_between_words() -> None:
    lines = list(folded("one two three four five", 11, 2))
    assert lines == ["one two", "  three", "  four five"]
    assert list(folded("", 10)) == [""]
    assert list(folded("averyverylongword x", 5)) == ["averyverylongword", "x"]


def test_columns_are_aligned_by_their_width_on_screen() -> None:
    assert aligned([["学习", "1"], ["ab", "22"]], "<>") == ["学习   1", "ab    22"]
    assert cell_width("学习e\u0301") == 5
    assert on_the_point(["1.25", "-10", "3.5e+10"]) == ["  1.25   ", "-10      ", "  3.5e+10"]
    assert on_the_point([]) == []


def test_data_do_not_import_what_prints_or_draws_them() -> None:
    imported = imported_by("-c", "import verify.critical.points")
    assert not imported & {
        "matplotlib",
        "verify.critical.shown.table",
        "verify.critical.shown.plot",
        "rich",
        "typer",
        "sympy",
    }
    assert Cost() == Cost(0, 0, 0, 0, 0, 0.0)
