"""Script -> report: nothing is run, nothing is sent."""

from collections.abc import Sequence

from kosmo_circleci.catalog.load import Catalog
from kosmo_circleci.check import parse, scope
from kosmo_circleci.check.evaluate import Evaluation
from kosmo_circleci.check.header import read_header
from kosmo_circleci.check.heap import Heap
from kosmo_circleci.check.report import Finding, Report
from kosmo_circleci.check.rules.binding import bind
from kosmo_circleci.check.rules.facts import Facts
from kosmo_circleci.check.rules.table import RULES, SYNTAX
from kosmo_circleci.check.source import Source
from kosmo_circleci.check.tree import Fault
from kosmo_circleci.script.modules import Modules


def check(
    code: str,
    name: str,
    catalog: Catalog,
    accounts: Sequence[str],
    modules: Modules | None = None,
) -> Report:
    """Return what is wrong with a script, as far as it can be known, and what it may call.

    `name` stands in front of the findings; `accounts` are the names of the configured accounts.
    `modules` are those that the script may require; None where that is not known.
    Raises `ConfigurationError` without the extra `check`.
    """
    source = Source(code)
    try:
        return _checked(source, name, Heap(catalog, accounts), modules)
    except RecursionError:
        fault = Fault(0, "the code is nested too deeply to be checked")
    except Fault as syntax_fault:
        fault = syntax_fault
    return Report(_visible(source, {_finding(source, name, fault, SYNTAX)}))


def _checked(source: Source, name: str, heap: Heap, modules: Modules | None) -> Report:
    """Return the report on a text that is Lua; raises `Fault` for any other."""
    script = scope.resolve(parse.parse(source.text))
    evaluation = Evaluation(script, heap)
    is_settled = evaluation.run()
    faults = [(fault, SYNTAX) for fault in script.faults]
    if is_settled:
        calls = tuple(evaluation.api_calls.values())
        bindings = (bind(script, heap.catalog, each) for each in calls)
        bound = tuple(each for each in bindings if each is not None)
        facts = Facts(script, heap, calls, bound, read_header(source), modules)
        faults += [(fault, rule) for rule, look in RULES.items() for fault in look(facts)]
    else:
        heap.names_any = True
    findings = {_finding(source, name, fault, rule) for fault, rule in faults}
    reads, writes = _calls(heap)
    return Report(_visible(source, findings), reads, writes)


def _finding(source: Source, name: str, fault: Fault, rule: str) -> Finding:
    line, column = source.position(fault.start)
    return Finding(name, line, column, fault.message, rule)


def _visible(source: Source, findings: set[Finding]) -> tuple[Finding, ...]:
    """Return the findings in the order of the text, without those on lines that ignore them."""
    if not findings:
        return ()
    ignored = source.ignored(lambda offset: parse.is_comment(source.text, offset))
    kept = [
        each
        for each in findings
        if each.line not in ignored or (ignored[each.line] and each.rule not in ignored[each.line])
    ]
    return tuple(sorted(kept))


def _calls(heap: Heap) -> tuple[tuple[str, ...], tuple[str, ...]]:
    names: dict[str, list[str]] = {"read": [], "write": []}
    for name in sorted(heap.mentioned):
        names[heap.catalog[name].kind].append(name)
    if heap.names_any:
        for kind in names.values():
            kind.insert(0, "*")
    return tuple(names["read"]), tuple(names["write"])
