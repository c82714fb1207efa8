"""How a sweep varies settings, tries each on the past and on other pasts, and judges the best. Pure."""
