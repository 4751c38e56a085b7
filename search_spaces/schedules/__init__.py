"""Decides how long to train each trial: pure rules over rungs.

From outside: ``catalogue.schedule`` returns one by name, ``contract`` holds their interface.
"""
