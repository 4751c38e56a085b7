"""What ends legs and searches early: times, a budget, stagnation, a bound of the regret."""
