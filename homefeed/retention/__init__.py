"""Old windows of event log and lake: copied, read back, only then removed, and brought back when asked"""
