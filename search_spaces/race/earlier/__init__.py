"""What a search takes from earlier sweeps.

From outside: ``warm_start``, what its sampler is shown, and ``known_results``, what it need not train again.
"""
