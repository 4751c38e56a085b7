"""What ends a search before all its planned trials are trained: a budget, stagnation, a bound of the regret."""
