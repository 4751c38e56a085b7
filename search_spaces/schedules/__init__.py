"""How long to train each trial: pure rules over rungs.

From outside: ``catalogue.schedule`` makes one by name, ``contract.Schedule`` is what each of them is.
"""
