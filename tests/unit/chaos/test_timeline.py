"""The driven clock, as the checks reckon with it."""

from chaos.timeline import Move, Timeline

CLOCK = Timeline([Move(0, 0, 1_000, "start"), Move(50, 60, 3_000), Move(100, 100, 2_500, "clock back")])


def test_between_two_moments_the_clock_shows_what_it_can_have_shown() -> None:
    assert CLOCK.span(10, 20) == (1_010, 1_020)
    assert CLOCK.span(55, 55) == (1_055, 3_055)
    assert CLOCK.span(61, 61) == (3_061, 3_061)
    assert CLOCK.span(90, 110) == (2_600, 3_100)


def test_before_the_first_move_it_was_the_same() -> None:
    assert CLOCK.span(-5, -5) == (995, 995)


def test_when_the_clock_showed_a_moment() -> None:
    assert CLOCK.machine(1_010, 0, 200) == (10, 10)
    assert CLOCK.machine(3_070, 0, 200) == (70, 70)
    assert CLOCK.machine(9_999, 0, 200) == (0, 200)


def test_a_clock_that_was_never_set_back() -> None:
    assert CLOCK.without_steps_back().span(110, 110) == (3_110, 3_110)
    assert CLOCK.stepped_back(95, 105)
    assert not CLOCK.stepped_back(55, 99)
