"""The mathematics of the history: pure functions of arrays, without any reading or writing."""
