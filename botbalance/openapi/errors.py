"""Which refusals an operation may answer with, and why."""
