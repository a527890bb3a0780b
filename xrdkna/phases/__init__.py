"""CIF to Phase to Reflections; the door to pymatgen, xrayutilities and gemmi."""
