"""How fast HiFiTune is, measured the way shared/BENCHMARKS.md asks for."""
