"""
AWS on loopback, for rehearsals: moto as a server, with what it lacks of Beanstalk and CloudFormation beside this file.

`python -m tests.deploy.simulator --port 4566`. How Beanstalk behaves here is ours, written after its documentation.
"""

import traceback

from flask import got_request_exception
from moto.server import main

from tests.deploy.simulator import beanstalk, cloudformation


def show(sender: object, exception: Exception) -> None:
    """Print what went wrong: moto's own answer is a 500 and nothing else."""
    traceback.print_exception(exception)


got_request_exception.connect(show)
beanstalk.install()
cloudformation.install()
main()
