import math
import re
from itertools import combinations, pairwise
from pathlib import Path
from xml.etree import ElementTree as ET

import pytest
from django.conf import settings
from django.template.loader import render_to_string

from calculator.fibonacci import digits, predict
from frontend.pictures import SPIRAL_TO, histogram, plot, spiral, timeline
from frontend.pictures.digit_histogram import at_least

PHASES = [("queued", 0.004), ("waiting", 0.012), ("computing", 9.8), ("storing", 0.000_2)]
TIMES = [(1, 1e-7), (10, 2e-6), (1_000, 4e-6), (1_000_000, 0.004), (1_000_000_000, 4.2)]
EVERY_SPIRAL = range(1, SPIRAL_TO + 1)
EVENS_OUT = [9_900, 10_100] * 5


def fibonacci(n):
    return int(digits(n))


def seconds(n):
    return predict(n).seconds


def rendered(name, picture):
    return render_to_string(f"pictures/{name}.html", {name: picture})


def written(axis):
    return [tick.words.replace("\N{NO-BREAK SPACE}", " ") for tick in axis]


def svg(name, picture):
    return ET.fromstring(re.search(r"<svg.*</svg>", rendered(name, picture), re.DOTALL).group())


DRAWN = [
    *(pytest.param("spiral", spiral(n), id=f"spiral-{n}") for n in EVERY_SPIRAL),
    pytest.param("histogram", histogram([0, 3] + [0] * 8), id="histogram-few"),
    pytest.param("histogram", histogram([20, 30] * 5), id="histogram-shares"),
    pytest.param("histogram", histogram(EVENS_OUT), id="histogram-deviations"),
    pytest.param("timeline", timeline(PHASES), id="timeline"),
    pytest.param("timeline", timeline([('<all> & "none"', 0)]), id="timeline-one"),
    pytest.param("timeline", timeline(PHASES * 5), id="timeline-twenty"),
    pytest.param("plot", plot(TIMES[:1]), id="plot-one"),
    pytest.param("plot", plot(TIMES[1:3], newest=10), id="plot-two"),
    pytest.param("plot", plot(TIMES, newest=1_000, predicted=seconds), id="plot"),
    pytest.param("plot", plot([(n, n * 1e-5) for n in range(1, 500)], predicted=seconds), id="plot-hundreds"),
]


# Every picture


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_a_picture_is_well_formed_and_says_in_words_what_it_shows(name, picture):
    root = svg(name, picture)
    assert root.get("role") == "img"
    assert [part.tag for part in root[:2]] == ["title", "desc"]
    assert all(part.text.strip() for part in root[:2])


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_a_picture_obeys_the_content_security_policy_and_has_no_ids_to_clash(name, picture):
    figure = rendered(name, picture)
    assert "style" not in figure
    assert not re.search(r"\sid=", figure)


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_everything_is_inside_the_view_box(name, picture):
    root = svg(name, picture)
    left, top, width, height = map(float, root.get("viewBox").split())
    seen = 0
    for part in root.iter():
        for x, y in places(part, float(root.get("font-size", 0)), root.get("text-anchor", "start")):
            seen += 1
            assert left <= x <= left + width, ET.tostring(part)
            assert top <= y <= top + height, ET.tostring(part)
    assert seen


@pytest.mark.parametrize(("name", "picture"), DRAWN)
def test_words_have_at_least_eleven_pixels_on_a_screen_of_320(name, picture):
    root = svg(name, picture)
    across = float(root.get("viewBox").split()[2])
    if root.find("text") is not None:
        assert float(root.get("font-size")) * 288 / across >= 11


def test_every_class_in_a_picture_has_a_rule():
    rules = "".join(path.read_text() for path in Path(settings.BASE_DIR, "frontend/static/frontend").glob("*.css"))
    used = {
        name
        for parameters in DRAWN
        for names in re.findall(r'class="([^"]*)"', rendered(*parameters.values))
        for name in names.split()
    }
    assert {name for name in used if not re.search(rf"\.{name}\b", rules)} == set()


def places(part, letters, anchor):
    """Yield the corners of a shape, or of a box around a word of letters that are at most 0.62 em wide."""

    def number(name):
        return float(part.get(name, 0))

    if part.tag == "rect":
        yield number("x"), number("y")
        yield number("x") + number("width"), number("y") + number("height")
    elif part.tag == "line":
        yield number("x1"), number("y1")
        yield number("x2"), number("y2")
    elif part.tag == "circle":
        yield number("cx") - number("r"), number("cy") - number("r")
        yield number("cx") + number("r"), number("cy") + number("r")
    elif part.tag == "polyline":
        yield from (map(float, pair.split(",")) for pair in part.get("points").split())
    elif part.tag == "text":
        x, y = (number(axis) + float(part.get(f"d{axis}", "0em").removesuffix("em")) * letters for axis in ("x", "y"))
        across = 0.62 * letters * len(part.text)
        anchored = {"start": 0, "middle": across / 2, "end": across}
        start = x - anchored[part.get("text-anchor", anchor)]
        tall = 0.37 * letters
        yield from ((start, y - tall), (start + across, y + (tall if part.get("dominant-baseline") else 0)))


# The spiral


@pytest.mark.parametrize("n", EVERY_SPIRAL)
def test_the_squares_tile_the_rectangle_without_overlap(n):
    picture = spiral(n)
    assert [square.side for square in picture.squares] == [fibonacci(k) for k in range(1, n + 1)]
    assert all(square.size == square.side * picture.unit for square in picture.squares)
    assert (picture.width, picture.height) == (fibonacci(n + 1) * picture.unit, fibonacci(n) * picture.unit)
    assert sum(square.side**2 for square in picture.squares) == fibonacci(n) * fibonacci(n + 1)
    for square in picture.squares:
        assert 0 <= square.x <= square.x + square.size <= picture.width
        assert 0 <= square.y <= square.y + square.size <= picture.height
    for one, other in combinations(picture.squares, 2):
        assert (
            one.x + one.size <= other.x
            or other.x + other.size <= one.x
            or one.y + one.size <= other.y
            or other.y + other.size <= one.y
        )


@pytest.mark.parametrize("n", EVERY_SPIRAL)
def test_the_spiral_is_quarter_circles_that_meet_with_the_same_direction(n):
    squares = spiral(n).squares
    for square in squares:
        (x, y), (start_x, start_y), (end_x, end_y) = square.centre, square.start, square.end
        radii = (start_x - x, start_y - y), (end_x - x, end_y - y)
        assert math.hypot(*radii[0]) == math.hypot(*radii[1]) == square.size
        # A quarter turn clockwise, where y points down.
        assert radii[1] == (-radii[0][1], radii[0][0])
    for inner, outer in pairwise(squares):
        assert outer.end == inner.start
        # Both centres are on one line through the point where the arcs meet.
        assert math.dist(inner.centre, outer.centre) == outer.size - inner.size


@pytest.mark.parametrize("n", EVERY_SPIRAL)
def test_the_path_goes_through_every_arc(n):
    picture = spiral(n)
    numbers = [int(number) for number in re.findall(r"-?\d+", picture.path)]
    assert tuple(numbers[:2]) == picture.last.start
    assert [tuple(numbers[end : end + 2]) for end in range(7, len(numbers), 7)] == [
        square.end for square in reversed(picture.squares)
    ]


@pytest.mark.parametrize("n", EVERY_SPIRAL)
def test_labels_are_inside_their_squares_clear_of_the_arc(n):
    picture = spiral(n)
    assert picture.last.label.words == f"F({n}) = {fibonacci(n):,}"
    for square in picture.squares:
        if square.label:
            label = square.label
            half = len(label.words) * label.letters * 0.6 / 2, label.letters * 0.73 / 2
            for x in (label.x - half[0], label.x + half[0]):
                for y in (label.y - half[1], label.y + half[1]):
                    assert square.x < x < square.x + square.size
                    assert square.y < y < square.y + square.size
                    assert math.dist((x, y), square.centre) < square.size


@pytest.mark.parametrize("n", EVERY_SPIRAL)
def test_a_larger_square_is_labelled_before_a_smaller_one(n):
    labelled = [square.label is not None for square in spiral(n).squares]
    assert labelled == sorted(labelled)


@pytest.mark.parametrize("n", [-1, 0, SPIRAL_TO + 1, 10**9])
def test_other_indices_have_no_spiral(n):
    assert spiral(n) is None
    assert rendered("spiral", None).strip() == ""


# The digits


def test_few_digits_are_bars_from_nought_in_proportion_to_their_counts():
    picture = histogram([20, 30] * 5)
    assert not picture.by_deviation
    assert [bar.height / bar.count for bar in picture.bars] == pytest.approx(
        [picture.bars[0].height / 20] * 10, rel=1e-3
    )
    assert all(bar.y + bar.height == pytest.approx(picture.bottom) for bar in picture.bars)
    assert picture.bars[0].height / 0.08 == pytest.approx((picture.bottom - picture.expected_y) / 0.1, rel=1e-3)


def test_many_digits_are_bars_from_a_tenth_in_proportion_to_their_distance_from_it():
    picture = histogram([9_900, 10_050, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_000, 10_050])
    assert picture.by_deviation
    down, up, none = picture.bars[:3]
    assert (down.y, none.height) == (picture.expected_y, 0)
    assert up.y + up.height == pytest.approx(picture.expected_y)
    assert down.height == pytest.approx(2 * up.height, rel=1e-3)
    assert down.deviation == pytest.approx(-100 / math.sqrt(100_000 * 0.1 * 0.9))
    assert picture.band_height / 4 * abs(down.deviation) == pytest.approx(down.height, rel=1e-3)


@pytest.mark.parametrize("total", [20_000, 20_000_000, 200_000_000])
def test_a_distance_of_two_standard_deviations_looks_the_same_however_many_digits_there_are(total):
    away = round(2 * math.sqrt(total * 0.09))
    bar = histogram([total // 10 + away, total // 10 - away, *[total // 10] * 8]).bars[0]
    assert bar.height == pytest.approx(56.67, rel=0.02)


# Percentiles of the chi-squared distribution with nine degrees of freedom, from its printed tables.
@pytest.mark.parametrize(
    ("chi_squared", "chance"),
    [(0, 1), (2.088, 0.99), (3.325, 0.95), (8.343, 0.5), (16.919, 0.05), (21.666, 0.01), (27.877, 0.001)],
)
def test_the_chance_of_a_chi_squared_is_that_of_the_tables(chi_squared, chance):
    assert at_least(chi_squared) == pytest.approx(chance, rel=2e-3)


def test_chi_squared_is_the_sum_of_squared_distances_by_the_expectation():
    assert histogram(EVENS_OUT).chi_squared == pytest.approx(10 * 100**2 / 10_000)


@pytest.mark.parametrize(
    ("frequencies", "words"),
    [
        ([1, 2] * 5, "These are too few digits"),
        (EVENS_OUT, "As even as chance would have it: random digits are this uneven, or more, in 35 % of cases."),
        (
            [9_860, 10_140] * 5,
            "As even as chance would have it: random digits are this uneven, or more, in 2 % of cases.",
        ),
        (
            [9_850, 10_150] * 5,
            "Less even than chance would have it: random digits are this uneven, or more, in 0.7 % of cases.",
        ),
        (
            [9_000, 11_000] * 5,
            "Less even than chance would have it: random digits are this uneven, or more, in fewer than 0.1 %",
        ),
        (
            [10_000] * 10,
            "More even than chance would have it: random digits are this even, or more, in fewer than 0.1 % of cases.",
        ),
    ],
)
def test_one_sentence_says_how_even_the_digits_are(frequencies, words):
    picture = histogram(frequencies)
    assert picture.verdict.replace("\N{NO-BREAK SPACE}", " ").startswith(words)
    assert picture.verdict in rendered("histogram", picture)


def test_counts_and_shares_are_there_in_words():
    figure = rendered("histogram", histogram([2_000_500, 1_999_500] + [2_000_000] * 8))
    assert "0: 2,000,500 times, 10.0025 %" in figure
    assert "σ, one standard deviation, is 1,342 of 20,000,000 digits." in figure


def test_no_digits_have_no_histogram_and_wrong_ones_are_refused():
    assert histogram([0] * 10) is None
    assert rendered("histogram", None).strip() == ""
    for wrong in ([1] * 9, [1] * 9 + [-1]):
        with pytest.raises(ValueError, match="ten digits"):
            histogram(wrong)


# The timeline


def test_phases_are_as_wide_as_they_were_long():
    picture = timeline([("a", 1), ("b", 2), ("c", 4)])
    first, second, third = (phase.width for phase in picture.phases)
    assert (second, third) == (pytest.approx(2 * first, abs=0.02), pytest.approx(4 * first, abs=0.02))
    assert not picture.stretched
    assert "drawn wider" not in rendered("timeline", picture)


def test_phases_too_short_to_be_seen_are_widened_and_the_picture_says_so():
    picture = timeline(PHASES)
    assert [phase.stretched for phase in picture.phases] == [True, True, False, True]
    assert min(phase.width for phase in picture.phases) == 5
    assert "drawn wider" in rendered("timeline", picture)


@pytest.mark.parametrize("seconds", [(1,), (1, 2), (1e-9, 1, 1e9), (0.014, 0.014, 1), (0,) * 20, (0, -1, 5)])
def test_phases_fill_the_bar_one_after_another(seconds):
    picture = timeline([("phase", taken) for taken in seconds])
    for one, other in pairwise(picture.phases):
        assert other.x - (one.x + one.width) == pytest.approx(1.5, abs=0.02)
    assert picture.phases[0].x == 0
    assert picture.phases[-1].x + picture.phases[-1].width == pytest.approx(picture.width, abs=0.02)


def test_a_phase_that_widening_another_made_too_narrow_is_widened_too():
    picture = timeline([("a", 0.0), ("b", 1.41), ("c", 98.59)])
    assert [phase.stretched for phase in picture.phases] == [True, True, False]


def test_durations_are_in_words_and_clocks_that_differ_give_none_below_nought():
    figure = rendered("timeline", timeline([("computing", 9.8), ("storing", -0.1)]))
    assert "<span>9.80\N{NO-BREAK SPACE}s</span>" in figure
    assert "storing: 0\N{NO-BREAK SPACE}µs" in figure
    assert "9.80\N{NO-BREAK SPACE}s in all" in figure


def test_no_phases_have_no_timeline():
    assert timeline([]) is None
    assert rendered("timeline", None).strip() == ""


# The plot


def test_equal_factors_are_equal_distances():
    ten, thousand, hundred_thousand = plot([(10, 1e-6), (1_000, 1e-4), (100_000, 1e-2)]).points
    assert thousand.x - ten.x == pytest.approx(hundred_thousand.x - thousand.x)
    assert ten.y - thousand.y == pytest.approx(thousand.y - hundred_thousand.y)
    assert ten.y > thousand.y


@pytest.mark.parametrize("points", [TIMES[:1], TIMES[1:3], TIMES, [(1_000, 1e-3)] * 2, [(1, 3_000.0)]])
def test_ticks_are_decades_in_order_from_edge_to_edge(points):
    picture = plot(points)
    for axis, start, end in (
        (picture.indices, picture.left, picture.right),
        (picture.times, picture.bottom, picture.top),
    ):
        assert (axis[0].place, axis[-1].place) == (start, end)
        steps = [(other.exponent - one.exponent, other.place - one.place) for one, other in pairwise(axis)]
        assert {exponents for exponents, _ in steps} == {1}
        assert all(distance * (end - start) > 0 for _, distance in steps)
        assert axis[0].words
        assert 1 <= sum(bool(tick.words) for tick in axis) <= 5


def test_a_point_on_a_decade_is_at_its_tick():
    picture = plot(TIMES)
    million = next(point for point in picture.points if point.index == 1_000_000)
    assert million.x == next(tick.place for tick in picture.indices if tick.exponent == 6)
    assert picture.points[0].y == next(tick.place for tick in picture.times if tick.exponent == -7)


def test_ticks_are_written_as_people_read_them():
    picture = plot([(1, 1e-10), (1_000, 1e-6)])
    assert [tick.words for tick in picture.indices] == ["1", "10", "10²", "10³"]
    assert written(picture.times) == ["10⁻¹⁰ s", "1 ns", "10 ns", "100 ns", "1 µs"]
    assert written(plot([(1, 0.001), (1, 10)]).times) == ["1 ms", "10 ms", "100 ms", "1 s", "10 s"]
    assert written(plot([(1, 100), (1, 10_000)]).times) == ["100 s", "10³ s", "10⁴ s"]


def test_a_single_point_has_room_on_all_sides():
    picture = plot([(1_000, 1e-3)] * 2)
    (point,) = picture.points
    assert (point.x, point.y) == (
        (picture.left + picture.right) / 2,
        (picture.top + picture.bottom) / 2,
    )


def test_the_first_index_has_no_decade_before_it():
    assert [tick.exponent for tick in plot([(1, 1e-6)]).indices] == [0, 1]


def test_each_point_says_its_index_and_time_and_the_newest_is_emphasised():
    figure = rendered("plot", plot(TIMES, newest=1_000_000))
    assert figure.count("<circle") == len(TIMES) + 1
    assert "<title>F(1,000,000): 4.00\N{NO-BREAK SPACE}ms</title>" in figure
    assert re.search(r'class="newest"[^>]*>\s*<title>F\(1,000,000\): 4.00', figure)
    assert "newest" not in rendered("plot", plot(TIMES, newest=5))


def test_the_prediction_is_a_line_as_far_as_it_is_finite():
    picture = plot([(10, 1e-3), (1_000, 1e-2)], predicted=lambda n: 1e-3 if n <= 100 else math.inf)
    places = [tuple(map(float, pair.split(","))) for pair in picture.curve.split()]
    assert [x for x, _ in places] == sorted({x for x, _ in places})
    assert (places[0][0], places[-1][0]) == (picture.left, (picture.left + picture.right) / 2)
    assert {y for _, y in places} == {picture.bottom}
    assert "<polyline" in rendered("plot", picture)
    assert "<polyline" not in rendered("plot", plot(TIMES))


@pytest.mark.parametrize("points", [[], [(0, 0.001)], [(5, 0.0)], [(5, math.inf)], [(5, math.nan)]])
def test_what_has_no_logarithm_is_not_drawn(points):
    assert plot(points) is None
    assert len(plot([*points, (10, 1.0)]).points) == 1
    assert "No value has a time yet." in rendered("plot", None)
