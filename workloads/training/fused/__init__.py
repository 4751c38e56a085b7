"""Trains many members as one program: the loop, its forward pass, and gradients written out where that is faster.

From outside: ``loop.FusedLoop``, ``mlp_by_hand.is_sequence``.
"""
