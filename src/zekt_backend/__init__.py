"""The broker: correlates, decides, dispatches and tracks."""

from zekt_action import __version__

__all__ = ["__version__"]
