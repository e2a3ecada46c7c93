"""Experiments: what each arm did to viewers, read at any time, and two rankers compared on the same pages."""
