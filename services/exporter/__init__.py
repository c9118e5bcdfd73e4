"""The platform's metrics, computed from what its databases and files say, and its alerts."""
