"""Words of other tools' files, each with what to write here instead.

From outside: ``told.tell_other_tools`` of whole groups of keys, ``words`` of single keys and names.
"""
