"""
Run a command that ends when its parent does: `python tether.py [--user NAME] SIGNAL COMMAND …`.

The kernel sends SIGNAL to the command when the parent dies in whatever way, so that nothing outlives a killed
supervisor. That is Linux's prctl; elsewhere the command just runs, and the next start cleans up. A script of its own,
because it starts in a few milliseconds and needs nothing but the standard library.
"""

import ctypes
import os
import pwd
import signal
import sys

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> None:
    parent = os.getppid()
    if arguments[0] == "--user":
        account = pwd.getpwnam(arguments[1])
        os.setgroups([])
        os.setgid(account.pw_gid)
        os.setuid(account.pw_uid)
        arguments = arguments[2:]
    name, *command = arguments
    if sys.platform == "linux":
        # After the change of user, which would reset it.
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, int(signal.Signals[f"SIG{name}"]))
        if os.getppid() != parent:  # it died before the kernel knew that it matters
            sys.exit(1)
    os.execvp(command[0], command)  # noqa: S606 there is no shell, and that is meant


if __name__ == "__main__":
    main(sys.argv[1:])
