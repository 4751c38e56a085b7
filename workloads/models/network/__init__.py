"""Makes a workload of a user's own network: ``package.module:Net``, a class derived from ``torch.nn.Module``.

From outside: ``workload.network_of`` and ``workload.is_network``.
"""
