"""Columns of cyclers and logs, told by the names that programs give them."""

import pytest

from xrdkna.physics.cell_units import cell_column


@pytest.mark.parametrize(
    ("name", "quantity", "factor"),
    [
        ("current_mA", "current", 1.0),
        ("<I>/mA", "current", 1.0),
        ("Current(A)", "current", 1e3),
        ("I [µA]", "current", 1e-3),
        ("Current / A", "current", 1e3),
        ("Strom (mA)", "current", 1.0),
        ("cell_current_nA", "current", 1e-6),
        ("Amps", "current", 1e3),
        ("Current", "current", None),
        ("<Ewe>/V", "potential", 1.0),
        ("<Ewe/V>", "potential", 1.0),
        ("Ecell/V", "potential", 1.0),
        ("U [V]", "potential", 1.0),
        ("Voltage (mV)", "potential", 1e-3),
        ("Spannung/V", "potential", 1.0),
        ("cell_voltage_V", "potential", 1.0),
        ("Volts", "potential", 1.0),
        ("Voltage", "potential", None),
        ("(Q-Qo)/mA.h", "charge", 1.0),
        ("Charge_Capacity(Ah)", "charge", 1e3),
        ("DChg. Cap.(mAh)", "charge", 1.0),
        ("Discharging Capacity / Ah", "charge", 1e3),
    ],
)
def test_a_name_says_what_a_column_holds_and_in_which_unit(name: str, quantity: str, factor: float | None) -> None:
    column = cell_column(name)
    assert column is not None
    assert (column.quantity, column.factor) == (quantity, factor)


@pytest.mark.parametrize(
    "name",
    [
        "time/s",
        "Step",
        "Index",
        "I Range",
        "Internal_Resistance",
        "dV/dt",
        "Energy",
        "Volt_limit",
        "Amp-hr",
        "|Energy|/W.h",
        "Temperature/C",
    ],
)
def test_other_columns_are_none_of_them(name: str) -> None:
    assert cell_column(name) is None
