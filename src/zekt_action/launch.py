"""Start a step on the standard library alone: `python3 -I -S -B -X utf8 launch.py send`, or confirm, or complete.

-I keeps the workspace, where a pull request may have put a json.py, out of the places to import from; -S, what else is
installed. `launch.sh` finds the Python.
"""

import gc
import os
import sys


def main(verb: str) -> int:
    # A step ends before there is anything to collect, and to look for it while modules load took a tenth of its time.
    gc.disable()
    from pathlib import Path  # noqa: PLC0415

    sys.path.insert(0, str(Path(__file__).resolve().parent.parent))
    # Found only by the line above; and each step loads what it needs, not what the others do.
    if verb == "send":
        from zekt_action.composite import main as step  # noqa: PLC0415
    elif verb == "confirm":
        from zekt_action.receive.confirm import main as step  # noqa: PLC0415
    else:
        from zekt_action.receive.complete import main as step  # noqa: PLC0415
    return step()


if __name__ == "__main__":
    # At once: every line is flushed and every file closed. Python would take apart all that it has loaded, one by one,
    # which is a twentieth of a step's time.
    os._exit(main(sys.argv[1]))
