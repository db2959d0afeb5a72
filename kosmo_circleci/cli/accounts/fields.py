"""integrations:fields — what can be configured, and where each field is read from."""

from dataclasses import dataclass
from typing import Final

import click

from kosmo_circleci.cli.offers import integration_names
from kosmo_circleci.cli.output import emit, json_option
from kosmo_circleci.config.accounts import DEFAULT_TOKEN_VARIABLES, DEFAULT_URL_VARIABLES
from kosmo_circleci.errors import UsageError
from kosmo_circleci.jsonvalue import JsonValue

INTEGRATIONS: Final = ("circleci",)


@dataclass(frozen=True, slots=True)
class ConfigurationField:
    """One field, and every place it is read from: the first that has it wins.

    A field that is `required` may come from any of its `sources`; `env` are the environment
    variables among them, with NAME for the account's name in capitals.
    """

    name: str
    type: str
    default: str | None
    description: str
    sources: tuple[str, ...]
    env: tuple[str, ...] = ()
    secret: bool = False
    required: bool = False

    def to_json(self) -> dict[str, JsonValue]:
        """Return the field with every attribute under its own name."""
        return {
            "name": self.name,
            "type": self.type,
            "secret": self.secret,
            "required": self.required,
            "default": self.default,
            "env": list(self.env),
            "description": self.description,
            "sources": list(self.sources),
        }


_ACCOUNT: Final = "file: integrations.circleci.accounts.NAME."
_OFFICIAL_CLI: Final = (
    "file: circleci/config.yml of your configuration folder,",
    "file: ~/.circleci/cli.yml,",
)
_POLICY: Final = "file: integrations.circleci.permissions."

FIELDS: Final = (
    ConfigurationField(
        "token",
        "string",
        None,
        "Personal API token of the account.",
        (
            f"environment: {', '.join(DEFAULT_TOKEN_VARIABLES)} (account default)",
            "environment: CIRCLECI_TOKEN_NAME (account NAME)",
            f"{_ACCOUNT}token_env",
            f"{_ACCOUNT}token",
            "keyring: service kosmo-circleci, where keyring is true",
            *(f"{source} token (account default)" for source in _OFFICIAL_CLI),
            "keyring: the official CLI's entry (account default)",
        ),
        (*DEFAULT_TOKEN_VARIABLES, "CIRCLECI_TOKEN_NAME"),
        secret=True,
        required=True,
    ),
    ConfigurationField(
        "token_env",
        "string",
        None,
        "Name of another environment variable that holds the token.",
        (f"{_ACCOUNT}token_env",),
    ),
    ConfigurationField(
        "keyring",
        "boolean",
        "false",
        "Whether the token is in the operating system's keyring.",
        (f"{_ACCOUNT}keyring",),
    ),
    ConfigurationField(
        "url",
        "string",
        "https://circleci.com",
        "Base URL: https://host, with or without /api or /api/v2.",
        (
            f"environment: {', '.join(DEFAULT_URL_VARIABLES)} (account default)",
            "environment: CIRCLECI_BASE_URL_NAME (account NAME)",
            f"{_ACCOUNT}url",
            *(f"{source} host (account default)" for source in _OFFICIAL_CLI),
        ),
        (*DEFAULT_URL_VARIABLES, "CIRCLECI_BASE_URL_NAME"),
    ),
    ConfigurationField(
        "read",
        "allow, ask or deny",
        "allow",
        "What happens to calls that read.",
        (f"{_POLICY}read",),
    ),
    ConfigurationField(
        "write",
        "allow, ask or deny",
        "ask",
        "What happens to calls that write.",
        (f"{_POLICY}write",),
    ),
)


@click.command("integrations:fields")
@click.argument("integration", default="circleci", shell_complete=integration_names)
@json_option
def fields(integration: str, as_json: bool) -> None:
    """List the configuration fields of INTEGRATION, and where each one is read from.

    The sources of a field are tried in the order they are listed; the first that has it wins.

    \b
    Examples:
      kosmo integrations:fields circleci
      kosmo integrations:fields circleci --json | jq -r '.fields[].name'
    """
    check_integration(integration)
    value: JsonValue = {
        "success": True,
        "integration": integration,
        "fields": [each.to_json() for each in FIELDS],
    }
    emit("\n\n".join(map(_described, FIELDS)), value, as_json)


def _described(each: ConfigurationField) -> str:
    facts = [each.type]
    facts += ["secret"] if each.secret else []
    facts += ["required"] if each.required else []
    facts += [f"default {each.default}"] if each.default else []
    head = f"{each.name} ({', '.join(facts)})\n  {each.description}"
    return "\n".join([head, *(f"  - {source}" for source in each.sources)])


def check_integration(name: str) -> None:
    """Raise `UsageError` for a name that is not an integration."""
    if name not in INTEGRATIONS:
        raise UsageError(f"There is no integration '{name}'. The one there is: circleci.")
