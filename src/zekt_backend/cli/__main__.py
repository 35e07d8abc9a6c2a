"""`python -m zekt_backend.cli` is `zekt`."""

from zekt_backend.cli import main

main()
