"""The timeline gives the earliest and the latest time that the driven clock can have shown."""

from chaos.timeline import ClockChange, Timeline

CLOCK = Timeline(
    [ClockChange(0, 0, 1_000, "start"), ClockChange(50, 60, 3_000), ClockChange(100, 100, 2_500, "clock back")]
)


def test_between_two_moments_the_clock_shows_what_it_can_have_shown() -> None:
    assert CLOCK.shown_between(10, 20) == (1_010, 1_020)
    assert CLOCK.shown_between(55, 55) == (1_055, 3_055)
    assert CLOCK.shown_between(61, 61) == (3_061, 3_061)
    assert CLOCK.shown_between(90, 110) == (2_600, 3_100)


def test_before_the_first_move_it_was_the_same() -> None:
    assert CLOCK.shown_between(-5, -5) == (995, 995)


def test_when_the_clock_showed_a_moment() -> None:
    assert CLOCK.machine_time(1_010, 0, 200) == (10, 10)
    assert CLOCK.machine_time(3_070, 0, 200) == (70, 70)
    assert CLOCK.machine_time(9_999, 0, 200) == (0, 200)


def test_a_clock_that_was_never_set_back() -> None:
    assert CLOCK.without_steps_back().shown_between(110, 110) == (3_110, 3_110)
    assert CLOCK.stepped_back(95, 105)
    assert not CLOCK.stepped_back(55, 99)
