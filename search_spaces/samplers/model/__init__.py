"""A Gaussian process over configurations and epochs, and the sampler that asks it.

From outside: ``model_sampler.ModelSampler``.
"""
