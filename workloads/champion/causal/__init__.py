"""The champion that continues texts."""
