"""`python -m zekt_action`: send as the image starts it. Exit code 0, 1, or 128 + signal if cancelled."""

import gc
import os


def main() -> int:
    # Python's own time to start and to end is what a step takes: see launch.py.
    gc.disable()
    from zekt_action.image import main as step  # noqa: PLC0415

    return step()


if __name__ == "__main__":
    # At once: see launch.py.
    os._exit(main())
