"""What a person says about a write whose answer was lost: repeat it, take it as done, or stop."""

from kosmo_circleci.run.listener import RunListener
from kosmo_circleci.run.settings import Unknown


def decide(listener: RunListener, write: str) -> Unknown:
    """Ask about a lost write, described by `write`; without a person it is "stop"."""
    lost = f"The answer to this write was lost, so it may or may not have happened:\n  {write}"
    answer = listener.ask(f"{lost}\nSend it again?")
    if answer is None:
        return "stop"
    if answer != "no":
        return "repeat"
    answer = listener.ask("Take it as done, and continue without sending it?")
    return "stop" if answer in (None, "no") else "skip"
