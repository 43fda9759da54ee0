"""One question to AWS: the answer, or why there is none."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from botocore.exceptions import BotoCoreError, ClientError

from gatewatch.errors import GatewatchError
from gatewatch.monitoring.doctor.model import Unseen

if TYPE_CHECKING:
    from collections.abc import Callable

Answer = TypeVar("Answer")
NOT_THERE = frozenset(
    {"ResourceNotFoundException", "AWS.SimpleQueueService.NonExistentQueue", "QueueDoesNotExist", "NoSuchEntity"}
)


def ask(question: Callable[[], Answer]) -> Answer | Unseen:
    try:
        return question()
    except ClientError as error:
        return Unseen(code_of(error))
    except (BotoCoreError, GatewatchError, ValueError) as error:  # ValueError: what should be JSON is none
        return Unseen(type(error).__name__)


def code_of(error: ClientError) -> str:
    return error.response.get("Error", {}).get("Code", "no answer")


def is_absent(error: ClientError) -> bool:
    return code_of(error) in NOT_THERE
