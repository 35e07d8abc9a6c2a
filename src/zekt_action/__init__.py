"""What runs on a runner: send, in Docker or without it, and confirm and complete (standard library)."""

__version__ = "0.1.0"
