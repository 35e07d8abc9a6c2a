"""What a broker tells of itself: figures for /metrics, and lines of the log."""
