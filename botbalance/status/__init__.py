"""Is my money all right? The status bar of every page, the same by API, and what keeps open pages fresh."""
