"""The folder that is put first on a script's path, so that it imports Paceline's module ``wandb``.

The module is the part of W&B's interface that sweeps use. It imports nothing of Paceline and nothing heavy, as it
is loaded in a person's own process. What it does not have is refused with the way out: ``wandb: real``.
"""
