"""Defaults of a script's arguments that come from the git checkout: `@here.branch` and its kin."""

from collections.abc import Mapping

from kosmo_circleci.run.envelope import Run
from kosmo_circleci.workflows.header import Header

_PROJECT = "@here.project_slug"


class CheckoutDefaults:
    """The fields of the checkout, looked up once, when the first default needs one."""

    def __init__(self, account: str, *, simulate: bool) -> None:
        self._account = account
        self._simulate = simulate
        self._fields: Mapping[str, str] | None = None

    def __call__(self) -> Mapping[str, str]:
        """Return the fields. Raises `ConfigurationError` outside of a checkout."""
        if self._fields is None:
            from kosmo_circleci.runtime import Runtime

            surroundings = Runtime(simulate=self._simulate).surroundings
            self._fields = surroundings.defaults(self._account)
        return self._fields

    def hint(self, run: Run, header: Header) -> str | None:
        """Return what to do where a simulated run has failed for want of the checkout's project."""
        if not self._simulate or self._fields is None or run.error_type != "api":
            return None
        from kosmo_circleci.checkout.here import SIMULATED

        own, example = self._fields.get("project_slug"), SIMULATED["project_slug"]
        names = [each.name for each in header.arguments if each.default == _PROJECT]
        if not names or own in (None, example):
            return None
        return (
            f"The simulated CircleCI does not have {own}, the project of this checkout. "
            f"It has {example}: --arg {names[0]}={example}"
        )
