"""The wait for the compiler is told once, and only when there is one."""

from numba import njit

from xrdkna.physics.compiled import when_compiling


def test_the_first_kernel_to_be_compiled_is_told_and_no_other():
    told = []
    when_compiling(lambda: told.append("now"))
    first, second = njit(lambda x: x + 1), njit(lambda x: x + 2)
    assert told == []
    assert first(1) == 2
    assert told == ["now"]
    assert first(2) == 3
    assert second(1) == 3
    assert told == ["now"]
