"""The keys ``pip`` and ``working_dir``: their form, their checks, and what is installed beside Paceline already."""
