"""Statistics of growth curves: drawn anew in blocks, corrected for many trials, chosen forward in time. Pure."""
