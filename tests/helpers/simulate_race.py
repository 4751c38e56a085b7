"""The simulated clock by its earlier name: ``search_spaces.simulation.clock``."""

from search_spaces.simulation.clock import SimulatedMoment, World, simulate

__all__ = ["SimulatedMoment", "World", "simulate"]
