"""Executors of tests, by the names that `--executor module:factory` takes."""

from concurrent.futures import BrokenExecutor, Executor, ProcessPoolExecutor
from multiprocessing import get_context
from typing import NoReturn


def processes() -> Executor:
    """Return two processes of the standard library."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def not_an_executor() -> object:
    """Return something that runs nothing."""
    return object()


NUMBER = 5


def failing() -> Executor:
    """Fail, as a factory does whose cluster is down."""
    raise RuntimeError("the cluster is down")


class Gone(Executor):
    """Takes no work, as a pool one of whose processes has died."""

    def submit(self, *_arguments: object, **_named: object) -> NoReturn:
        raise BrokenExecutor("A process terminated abruptly.")


def gone() -> Executor:
    """Return an executor that takes no work."""
    return Gone()
