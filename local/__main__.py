"""`python -m local COMMAND`; the commands are in local/commands.py."""

import sys

# Loading everything takes half a second, in which somebody may already want to leave.
try:
    from local.commands import main

    code = main()
except KeyboardInterrupt:
    code = 130  # as shells have it
sys.exit(code)
