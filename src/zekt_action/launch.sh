# The one step of each composite: `source launch.sh send`, or confirm, or complete. Sourced, because on Windows the `bash`
# of the PATH may be another system's.
# shellcheck shell=bash

# Git's bash would hand on a message that looks like a path, or like several, as another one:
# https://www.msys2.org/docs/filesystem-paths/
export MSYS2_ENV_CONV_EXCL='*'

# Windows calls it python, and may have a python3 that is none but opens a shop: so each is asked, not only looked for. Its
# version it tells before it starts anything, in a quarter of the time that a start takes.
for python in python3 python; do
  case "$("$python" -V 2>/dev/null)" in
    'Python 3.9'* | 'Python 3.'[1-9][0-9]*)
      # The runner reads the log as UTF-8, whatever this machine's code page is.
      exec "$python" -I -S -B -X utf8 "${BASH_SOURCE[0]%/*}/launch.py" "$1"
      ;;
  esac
done
echo "::error title=Zekt%3A There is no Python::$1 needs Python 3.9 or newer as python3 or python. Add actions/setup-python before this step."
exit 1
