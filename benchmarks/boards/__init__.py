"""Real tables that the defaults are judged on, split in two: one half to choose by, the other to report."""
