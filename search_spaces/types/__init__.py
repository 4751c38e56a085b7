"""Words that all packages share: values, objectives, problems, faults, and what a catalogue tells a spec.

For use from everywhere; imports no other room.
"""
