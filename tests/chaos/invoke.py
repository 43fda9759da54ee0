"""`python -m chaos.invoke alert`: a Lambda environment as a process, so that it can be killed.

Each line of standard input has an event, each line of standard output that begins with the mark is the answer to
one; everything else there is what the function logs and counts. `sends` of a line: the process kills itself before it
sends for that many times on sockets, or else before it answers.
"""

import importlib
import json
import os
import signal
import socket
import sys
import warnings
from functools import partial
from unittest.mock import patch

from gatewatch.local.aws.time_limits import without_time_limits
from gatewatch.local.lambda_.context import LambdaContext

MARK = "answer:"
ARN = "arn:aws:sqs:ap-northeast-2:999988887777:queue"


def kill():
    os.kill(os.getpid(), signal.SIGKILL)


class Sending:
    """`socket.sendall`. `left`: at which send from now on the process dies; None for never."""

    left = None

    def __get__(self, connection, _kind=None):
        return partial(self._send, connection)

    def _send(self, connection, data, *flags):
        if self.left:
            self.left -= 1
            if not self.left:
                kill()
        return super(socket.socket, connection).sendall(data, *flags)


def main(name):
    warnings.simplefilter("error")
    function = importlib.import_module(f"functions.{name}")
    with without_time_limits(), patch.object(socket.socket, "sendall", Sending()) as sending:
        for line in map(json.loads, sys.stdin):
            sending.left = line["sends"]
            context = LambdaContext.for_function(f"gatewatch-prod-{name}", ARN, 60.0)
            answer = function.handler(line["event"], context)
            if line["sends"]:
                kill()
            sys.stdout.write(f"{MARK}{json.dumps(answer)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
