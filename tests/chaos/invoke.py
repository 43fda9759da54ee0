"""`python -m chaos.invoke alert`: a Lambda environment as a process, so that it can be killed.

Each line of standard input is an event, each line of standard output that begins with the mark is the answer to
one; everything else there is what the function logs and counts.
"""

import importlib
import json
import sys
import warnings

from gatewatch.local.aws.time_limits import without_time_limits
from gatewatch.local.lambda_.context import LambdaContext

MARK = "answer:"
ARN = "arn:aws:sqs:ap-northeast-2:999988887777:queue"


def main(name):
    warnings.simplefilter("error")
    function = importlib.import_module(f"functions.{name}")
    with without_time_limits():
        for line in sys.stdin:
            answer = function.handler(json.loads(line), LambdaContext.for_function(f"gatewatch-prod-{name}", ARN, 60.0))
            sys.stdout.write(f"{MARK}{json.dumps(answer)}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main(sys.argv[1])
