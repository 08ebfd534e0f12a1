"""`python -m scalelaw.cli`."""

from scalelaw.cli.main import main

main()
