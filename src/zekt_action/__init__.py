"""What runs on a runner: the message sender (Docker) and the confirm and complete steps (standard library)."""

__version__ = "0.1.0"
