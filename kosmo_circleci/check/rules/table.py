"""Every rule by the name that findings carry."""

from collections.abc import Callable, Iterator, Mapping
from itertools import chain
from typing import Final

from kosmo_circleci.check.rules import answers, arguments, header, helpers, modules, names
from kosmo_circleci.check.rules.facts import Facts
from kosmo_circleci.check.tree import Fault

Rule = Callable[[Facts], Iterator[Fault]]

SYNTAX: Final = "syntax"


def _all(*rules: Rule) -> Rule:
    return lambda facts: chain.from_iterable(rule(facts) for rule in rules)


RULES: Final[Mapping[str, Rule]] = {
    "header": header.unreadable,
    "unknown-function": _all(names.unknown_function, header.unknown_write),
    "unknown-account": names.unknown_account,
    "unknown-parameter": _all(arguments.unknown_parameter, helpers.unknown_option),
    "missing-parameter": arguments.missing_parameter,
    "wrong-type": _all(
        arguments.wrong_type,
        arguments.wrong_whole,
        helpers.wrong_argument_type,
        helpers.wrong_option_type,
        answers.not_a_list,
    ),
    "wrong-value": _all(
        arguments.wrong_value, helpers.wrong_option_value, answers.impossible_comparison
    ),
    "unknown-argument": header.unknown_argument,
    "undeclared-write": header.undeclared_write,
    "unknown-field": answers.unknown_field,
    "undefined-global": names.undefined_global,
    "unknown-member": names.unknown_member,
    "unknown-module": modules.unknown_module,
    "wrong-arity": _all(arguments.too_many_arguments, helpers.wrong_arity),
}

DESCRIPTIONS: Final[Mapping[str, str]] = {
    SYNTAX: "The text is not Lua.",
    "header": "The header cannot be read; a run would refuse it.",
    "unknown-function": "CircleCI's namespace has no such function.",
    "unknown-account": "No account of that name is configured.",
    "unknown-parameter": "The function or helper has no such parameter or option.",
    "missing-parameter": "A required parameter is not there.",
    "wrong-type": "The argument has a type that the parameter does not take.",
    "wrong-value": "The value is outside the documented ones.",
    "unknown-argument": "The header declares no such argument, so it is always nil.",
    "undeclared-write": "The script calls a write that its header does not allow.",
    "unknown-field": "The documented shape of the answer has no such field.",
    "undefined-global": "Neither the sandbox nor the script has a global of that name.",
    "unknown-member": "The table of the sandbox has no such member.",
    "unknown-module": "There is no file for the module.",
    "wrong-arity": "The call has too many or too few arguments.",
}
