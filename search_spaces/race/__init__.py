"""The race decides which trial trains next and for how long: a state machine without processes.

From outside: ``search.Search`` drives it, ``legs`` holds the records that travel to workers and back.
"""
