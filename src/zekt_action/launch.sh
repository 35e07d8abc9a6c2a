# The one step of each composite: `source launch.sh send`, or confirm, or complete. Sourced, because on Windows the `bash`
# of the PATH may be another system's.
# shellcheck shell=bash

# Git's bash would hand on a message that looks like a path, or like several, as another one:
# https://www.msys2.org/docs/filesystem-paths/
export MSYS2_ENV_CONV_EXCL='*'

# Windows calls it python, and may have a python3 that is none but opens a shop: so each is tried, not only looked for.
for python in python3 python; do
  if "$python" -I -S -c 'import sys; sys.exit(sys.version_info < (3, 9))' >/dev/null 2>&1; then
    # The runner reads the log as UTF-8, whatever this machine's code page is.
    exec "$python" -I -S -B -X utf8 "${BASH_SOURCE[0]%/*}/launch.py" "$1"
  fi
done
echo "::error title=Zekt%3A There is no Python::$1 needs Python 3.9 or newer as python3 or python. Add actions/setup-python before this step."
exit 1
