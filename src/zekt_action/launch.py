"""Start a step on the standard library alone: `python3 -I -S -B -X utf8 launch.py send`, or confirm, or complete.

-I keeps the workspace, where a pull request may have put a json.py, out of the places to import from; -S, what else is
installed. `launch.sh` finds the Python.
"""

import gc
import sys
from pathlib import Path

SOURCE = Path(__file__).resolve().parent.parent


def main(verb: str) -> int:
    # A step ends before there is anything to collect, and to look for it while modules load took a tenth of its time.
    gc.disable()
    sys.path.insert(0, str(SOURCE))
    # Found only by the line above; and each step loads what it needs, not what the others do.
    if verb == "send":
        from zekt_action.composite import main as step  # noqa: PLC0415
    elif verb == "confirm":
        from zekt_action.receive.confirm import main as step  # noqa: PLC0415
    else:
        from zekt_action.receive.complete import main as step  # noqa: PLC0415
    code = step()
    # Nor is there at the end, where Python looks whatever was said: by this, at nothing.
    gc.freeze()
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
