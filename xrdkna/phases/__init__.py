"""CIF to Phase to Reflections; the door to pymatgen and xrayutilities."""
