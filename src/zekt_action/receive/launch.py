"""Start confirm or complete: `python3 -I -S -B launch.py confirm`.

This file alone is read by whatever python3 a runner has, so its grammar is that of Python 3.6. -I keeps the
workspace, where a pull request may have put a json.py, out of the places to import from.
"""

import sys
from pathlib import Path

OLDEST = (3, 9)
SOURCE = Path(__file__).resolve().parent.parent.parent


def main(verb: str) -> int:
    if sys.version_info < OLDEST:
        here = ".".join(map(str, sys.version_info[:2]))
        sys.stdout.write(
            "::error title=Zekt%3A Python is too old::confirm and complete need Python 3.9 or newer as python3; "
            f"here it is {here}. Add actions/setup-python before this step.\n"
        )
        return 1
    sys.path.insert(0, str(SOURCE))
    from zekt_action.receive import complete, confirm  # noqa: PLC0415 - found only by the line above

    return {"confirm": confirm.main, "complete": complete.main}[verb]()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
