"""Executors of tests, by the names that `--executor module:factory` takes."""

from concurrent.futures import Executor, ProcessPoolExecutor
from multiprocessing import get_context


def processes() -> Executor:
    """Return two processes of the standard library."""
    return ProcessPoolExecutor(2, mp_context=get_context("spawn"))


def not_an_executor() -> object:
    """Return something that runs nothing."""
    return object()


NUMBER = 5
