"""What a new spec begins from: a workload's word, a file of data, a script, or an example.

From outside: ``template``, ``proposal.Proposal``, ``words.meant``, ``examples``.
"""
