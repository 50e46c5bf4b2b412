"""Which keys of a model changed inputs can touch: derived from its SELECT, text to text, never too few."""
