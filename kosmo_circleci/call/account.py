"""The account of a call: what is said when it has no token."""

from kosmo_circleci.call.model import Account
from kosmo_circleci.errors import ConfigurationError


def missing_token(account: Account) -> ConfigurationError:
    """Return the error for a call through an account without a token, with the ways out."""
    name = account.name
    default = name == "default"
    option = "" if default else f" --account {name}"
    suffix = "" if default else f"_{name.upper()}"
    third = (
        "the official CLI's ~/.circleci/cli.yml"
        if default
        else "`keyring: true` for the account in that file"
    )
    hint = f" ({account.hint})" if account.hint else ""
    return ConfigurationError(
        f"The account '{name}' has no CircleCI token{hint}, so nothing was sent. Run "
        f"`kosmo login{option}` or `kosmo integrations:configure circleci{option}`, or give it one "
        f"of three ways: the environment variable CIRCLECI_TOKEN{suffix}; "
        f"`integrations: {{circleci: {{accounts: {{{name}: {{token_env: MY_TOKEN}}}}}}}}` in "
        f"kosmo/config.yaml of your configuration folder; or {third}. "
        "To try without a token, use --simulate."
    )
