"""Trainings of a search's trials with further seeds: repeats while it runs, and retests of the best after it."""
