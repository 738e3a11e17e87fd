"""`python -m local COMMAND`; the commands are in local/commands.py."""

import signal
import sys

# Loading everything takes half a second, in which somebody may already want to leave: without a
# traceback. The supervisor, once there is something to stop, has handlers of its own.
signal.signal(signal.SIGINT, signal.SIG_DFL)

from local.commands import main  # noqa: E402  after the line above, which is the point of it

sys.exit(main())
