"""What runs on a runner: the message sender (Docker), and confirm and complete (standard library)."""

__version__ = "0.1.0"
