"""What the command line of `integrations:lua` says, and which options exclude each other."""

from collections.abc import Mapping
from dataclasses import dataclass

from kosmo_circleci.cli.fleet.options import EachOptions
from kosmo_circleci.cli.output_options import FINDINGS_FORMATS, ResultOutput
from kosmo_circleci.cli.script.arguments import ArgumentSources, Pair
from kosmo_circleci.cli.script.checked import ONLY
from kosmo_circleci.cli.script.file_options import FileOptions
from kosmo_circleci.errors import UsageError
from kosmo_circleci.fleet.inputs import STDIN
from kosmo_circleci.run.settings import JournalSettings


@dataclass(frozen=True, slots=True)
class LuaOptions:
    """The options of the command line, as click read them."""

    file: str | None
    workflow: str | None
    code: str | None
    as_json: bool
    force: bool
    trust_mcp: bool
    trust_workflows: bool
    simulate: bool
    account: str
    args: tuple[Pair, ...]
    arg_files: tuple[Pair, ...]
    arg_variables: tuple[Pair, ...]
    args_json: str | None
    memory_limit: int
    cpu_limit: float
    timeout: float | None
    format_: str | None
    columns: str | None
    jq: str | None
    help_script: bool
    quiet: bool
    check: str | None
    trace: str | None
    report: str | None
    repl: bool
    each: EachOptions | None
    journal: JournalSettings
    folders: FileOptions
    detailed_exitcode: bool

    @property
    def sources(self) -> ArgumentSources:
        """Where the script's arguments come from."""
        return ArgumentSources(self.args, self.arg_files, self.arg_variables, self.args_json)

    def output(self) -> ResultOutput:
        """Return how the result is shown. Raises `UsageError`."""
        if self.check == ONLY:
            _refuse_with_check(self)
            return ResultOutput()
        if self.format_ in FINDINGS_FORMATS:
            raise UsageError(f"--format {self.format_} writes findings: it goes with --check.")
        return ResultOutput.checked(self.format_, self.columns, self.jq, as_json=self.as_json)


def _refuse_with_check(options: LuaOptions) -> None:
    """Raise `UsageError` for options about a run or a result, where nothing is run."""
    if options.format_ is not None and options.format_ not in FINDINGS_FORMATS:
        raise UsageError(
            f"--check writes findings: --format {' or '.join(FINDINGS_FORMATS)}, or --json."
        )
    if options.format_ is not None and options.as_json:
        raise UsageError(f"--json and --format {options.format_} exclude each other.")
    journal = options.journal
    others: Mapping[str, object] = {
        "--columns": options.columns,
        "--jq": options.jq,
        "--each": options.each,
        "--plan": journal.plan,
        "--apply": journal.apply,
        "--replay": journal.replay,
        "--journal": journal.file,
        "--trace": options.trace,
        "--report": options.report,
    }
    _refuse("--check", others, "nothing is run.")


def refuse_with_repl(options: LuaOptions, output: ResultOutput) -> None:
    """Raise `UsageError` for an option that a prompt does not take."""
    stdin_option = options.sources.stdin_option
    others: Mapping[str, object] = {
        "FILE": options.file,
        "--eval": options.code,
        "--workflow": options.workflow,
        "--json": options.as_json,
        "--check": options.check,
        "--format": output.format,
        "--jq": output.jq,
        stdin_option or "": stdin_option,
        "--trace": options.trace,
        "--report": options.report,
        "--each": options.each,
        "--plan": options.journal.plan,
        "--apply": options.journal.apply,
    }
    _refuse("--repl", others, "a prompt reads its own lines.")


def refuse_with_each(options: LuaOptions, each: EachOptions, output: ResultOutput) -> None:
    """Raise `UsageError` for what many inputs do not take, and for two readers of stdin."""
    others: Mapping[str, object] = {
        "--format": output.format,
        "--jq": output.jq,
        "--trace": options.trace,
        "--report": options.report,
        "--plan": options.journal.plan,
        "--apply": options.journal.apply,
        "--replay": options.journal.replay,
    }
    _refuse("--each", others, "each input has a row of its own.")
    if each.inputs == STDIN and (
        options.sources.stdin_option
        or (options.code is None and options.workflow is None and options.file in (None, STDIN))
    ):
        raise UsageError(
            "Standard input has the inputs. Give the script as FILE or --eval, arguments by file."
        )


def _refuse(option: str, others: Mapping[str, object], why: str) -> None:
    for name, value in others.items():
        if value:
            raise UsageError(f"{option} and {name} exclude each other: {why}")
