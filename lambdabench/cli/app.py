"""The commands and their flags. Each calls one function of `commands` and prints what it returns."""

import json
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from .. import __version__
from ..core import flags, folders, registry
from ..core.conversion import Conversion, Framework
from ..core.errors import RequestError
from . import INTERRUPTED, completion, terminal
from .claims_command import EXAMPLES as CLAIMS_EXAMPLES
from .claims_command import claims
from .compact_command import compact
from .compare_commands import EXAMPLES, compare
from .evaluate_command import evaluate
from .fleet_commands import fleet_app
from .options import (
    BackendOption,
    BatchOption,
    DeviceOption,
    DtypeOption,
    JsonOption,
    LimitOption,
    ModeOption,
    OpenOption,
    ReportsOption,
    ResultsOption,
    WeightsOption,
    filters,
)
from .plot_commands import plot_app
from .prove_command import prove
from .recommend_command import recommend
from .run_command import EPILOG, run, say_waiting
from .start import start_text

ROUNDS = 3
"""Of `check --self-test` where none are asked for."""

app = typer.Typer(
    invoke_without_command=True,
    pretty_exceptions_enable=False,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["-h", "--help"]},
    help="Speed, memory and accuracy of vision backbones on this machine, with intervals.",
    epilog="Start: lambdabench run --suite quickstart",
)
app.command("compare", epilog=EXAMPLES)(compare)
app.command(epilog="Example: lambdabench recommend --max-latency 25ms --license permissive")(recommend)
app.command("claims", epilog=CLAIMS_EXAMPLES)(claims)
app.command(epilog="Example: lambdabench prove --device cuda")(prove)
app.command(epilog="Example: lambdabench compact --min-age 1h")(compact)
app.add_typer(fleet_app, name="fleet", epilog="Example: lambdabench fleet run --suite quickstart --on local")
app.add_typer(plot_app, name="plot", epilog="Example: lambdabench plot pareto --suite quickstart")


def _version(asked: bool) -> None:
    if asked:
        typer.echo(f"lambdabench {__version__}")
        raise typer.Exit


@app.callback()
def entry(
    context: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_version, is_eager=True, help="Print the version.")
    ] = False,
) -> None:
    """Speed, memory and accuracy of vision backbones on this machine, with intervals."""
    if context.invoked_subcommand is None:
        terminal.say(start_text(folders.RESULTS, terminal.console().width))


app.command(epilog=EPILOG)(run)


@app.command("import", epilog="Example: lambdabench import .benchmarks/Linux-CPython-3.11-64bit/0001_a.json")
def import_file(
    path: Annotated[Path, typer.Argument(help="A JSON file of pytest-benchmark's.", show_default=False)],
    results: ResultsOption = Path("results"),
    against: Annotated[
        Path | None, typer.Option(help="Also compare with an earlier file; exit 4 if it is of another machine, else 0.")
    ] = None,
) -> None:
    """Store a JSON file of pytest-benchmark's as rows of the suite "pytest", once."""
    from .. import commands
    from . import gate_view

    changes = None if against is None else commands.compare_files(against, path)
    saved = commands.read_json(path)
    known = commands.place(results, saved.ran)
    if known.exists():
        terminal.say(f"already imported as {known}: {len(saved.timed)} benchmarks")
    else:
        terminal.say(f"saved {commands.record(saved.timed, results, saved.ran)}: {len(saved.timed)} benchmarks")
    if changes is not None:
        gate_view.print_changes(terminal.console(), changes)


@app.command(epilog="Examples: lambdabench report quickstart --open; lambdabench report, for all suites")
def report(
    suite: Annotated[
        str | None,
        typer.Argument(
            help="A suite's name, or the path of your own .toml file. Default: every suite that has results.",
            show_default=False,
            autocompletion=completion.suites,
        ),
    ] = None,
    results: ResultsOption = Path("results"),
    reports: ReportsOption = Path("reports"),
    weights: WeightsOption = None,
    is_opened: OpenOption = False,
) -> None:
    """Write a suite's page: reports/<suite>/index.html, .md and .json with figure, tables, conditions and holes, and reports/index.html
    over all suites."""
    from .. import commands

    asked = flags.words(weights, "--weights")
    names, others = commands.suites_of(results) if suite is None else ((suite,), ())
    result = [commands.report_suite(name, results, reports, asked) for name in names]
    for written in result:
        for path in written.pages:
            terminal.say(f"saved {path}")
    terminal.say(f"saved {result[0].site}")
    for name in others:
        terminal.warn(f"{name} does not come with the package: lambdabench report PATH/{name}.toml writes its page")
    terminal.warn(commands.ahead(results))
    if is_opened:
        terminal.open_page(result[0].site if suite is None else result[0].page)


@app.command(epilog="Example: lambdabench show lambda_resnet26t")
def show(  # noqa: PLR0917 (a flag is a parameter in Typer)
    name: Annotated[str, typer.Argument(help="A model's name or a case id.")],
    results: ResultsOption = Path("results"),
    device: DeviceOption = None,
    dtype: DtypeOption = None,
    mode: ModeOption = None,
    backend: BackendOption = None,
    batch_size: BatchOption = None,
    limit: LimitOption = None,
) -> None:
    """Print every number of a case or of a model's cases, why it failed if it did, and the command that repeats it."""
    from .. import commands
    from . import show_view

    kept = filters(device=device, dtype=dtype, mode=mode, backend=backend, batch_size=batch_size)
    limit_s = flags.limit(limit, "--limit")
    cases, rows = commands.show(name, results, kept, limit_s)
    repeat = partial(commands.repeat_command, results=results)
    show_view.print_cases(terminal.console(), cases, rows, repeat, limit_s)
    terminal.warn(commands.ahead(results))


@app.command(
    "list",
    help=f"List {registry.LISTED}.",
    epilog="Examples: lambdabench list suites; lambdabench list models --like 'lambda*'",
)
def list_things(
    what: Annotated[
        str,
        typer.Argument(help=f"{registry.LISTED}.", show_default=False, autocompletion=completion.lists),
    ],
    like: Annotated[str, typer.Option(help="Only names that match this glob.")] = "*",
    results: ResultsOption = Path("results"),
    schema: Annotated[
        bool, typer.Option("--schema", help="With suites: print the JSON Schema of suite files.")
    ] = False,
) -> None:
    """List what there is of one kind."""
    from .. import commands, suite
    from . import show_view

    if schema:
        typer.echo(json.dumps(suite.json_schema(), indent=2))
        return
    things = commands.list_names(what, results)
    if what == "runs" and not things:
        terminal.say(commands.nothing_of(None, results))
        return
    show_view.print_list(terminal.console(), things, like)
    if what == "runs":
        terminal.warn(commands.ahead(results))


@app.command(epilog="Example: lambdabench doctor")
def doctor() -> None:
    """Say whether this machine is fit to measure now, what a run could tell, measured in 20 s of real turns, and what to mend."""
    from .. import doctor as diagnosis
    from ..conduct import Stop
    from . import show_view

    stop = Stop()
    diagnoses = diagnosis.diagnose()
    say_waiting(f"measuring real turns for {diagnosis.LIMIT_S:g} s; Ctrl-C ends them")
    findings = (*diagnoses, *diagnosis.measured(stop))
    show_view.print_findings(terminal.console(), findings, diagnosis.verdict(findings))
    if stop():
        raise typer.Exit(INTERRUPTED)
    raise typer.Exit(1 if any(finding.level == "FAIL" for finding in findings) else 0)


@app.command(epilog="Example: lambdabench convert resnet50_llll net.pt net.safetensors --num-classes 10")
def convert(  # noqa: PLR0917 (a flag is a parameter in Typer)
    model: Annotated[str, typer.Argument(help="A model's name (lambdabench list models).", show_default=False)],
    source: Annotated[str, typer.Argument(help="A .safetensors, .pt or .pth file.", show_default=False)],
    target: Annotated[str, typer.Argument(help="The file to write, of one of these kinds.", show_default=False)],
    to: Annotated[
        Framework | None,
        typer.Option(help="Default: torch for .pt and .pth, else the one that the source is not of."),
    ] = None,
    option: Annotated[
        list[str] | None, typer.Option(help="key=value, an option that the model was made with; repeatable.")
    ] = None,
    image_px: Annotated[int | None, typer.Option(min=1, help="Pixels a side. Default: the model's own.")] = None,
    num_classes: Annotated[int | None, typer.Option(min=0, help="Classes. Default: the model's own.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace a target that is there.")] = False,
) -> None:
    """Convert weights between torch and JAX, every name and shape checked against the model."""
    from .. import commands

    options = commands.options_of(option or (), num_classes=num_classes)
    converted = commands.convert(
        Conversion(model=model, source=source, target=target, options=options, image_px=image_px, to=to, force=force)
    )
    terminal.say(f"saved {target}: {converted.tensors} tensors, {converted.origin} to {converted.to}")


app.command(epilog="Example: lambdabench evaluate resnet50.a1_in1k --data imagenet/val")(evaluate)


@app.command(epilog="Example: lambdabench check --base origin/main")
def check(  # noqa: PLR0917 (a flag is a parameter in Typer)
    base: Annotated[
        str | None, typer.Option(help="A commit, branch or tag: its merge base with HEAD is compared.")
    ] = None,
    baseline: Annotated[
        Path | None,
        typer.Option(help="Instead: a file of stored sessions of this machine. The weaker way; it reports."),
    ] = None,
    history: Annotated[
        Path | None,
        typer.Option(
            help="Instead: which run moved first, in a folder of result files or a file of stored sessions, and what changed with it."
        ),
    ] = None,
    self_test: Annotated[
        bool,
        typer.Option("--self-test", help="Instead: equal code and known slowdowns, to see how often this errs here."),
    ] = False,
    suite: Annotated[
        str, typer.Option(help="A suite's name, or a path to a .toml file.", autocompletion=completion.suites)
    ] = "kernels-quick",
    tests: Annotated[
        str | None,
        typer.Option("--pytest", help="Your own pytest-benchmark tests instead of a suite: a file or folder."),
    ] = None,
    build: Annotated[
        str, typer.Option(help="With --pytest: the command that installs a side into an environment of its own.")
    ] = "",
    only: Annotated[str, typer.Option(help="Only cases whose name matches this glob.")] = "*",
    show: Annotated[
        str | None, typer.Option(help="all: a line for every case, those that are the same included.")
    ] = None,
    record: Annotated[bool, typer.Option("--record", help="With --baseline: append this session to the file.")] = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="With --baseline: exit 1 where something is slower.")
    ] = False,
    rounds: Annotated[
        int | None,
        typer.Option(min=1, help="With --self-test: fresh processes of each kind.", show_default=str(ROUNDS)),
    ] = None,
    as_json: JsonOption = False,
    markdown: Annotated[Path | None, typer.Option(help="Write a pull request's comment to this file.")] = None,
    save: Annotated[Path | None, typer.Option(help="Write check.json and check.md to this folder.")] = None,
    github: Annotated[
        bool, typer.Option("--github", help="Print annotations, and append to the step's summary.")
    ] = False,
) -> None:
    """Compare this tree with the merge base. Exit codes: 0 nothing slower, 1 slower or failing, 2 bad request, 3 void, 4 not comparable."""
    from .. import commands
    from . import check_view, gate_view

    flags.choices(show, "--show", ("all",))
    ways = {"--base": base, "--baseline": baseline, "--history": history, "--self-test": self_test or None}
    if len(given := [name for name, value in ways.items() if value is not None]) != 1:
        raise RequestError(
            f"check: found {' and '.join(given) or 'none of them'}, "
            "expected one of --base REF, --baseline FILE, --history PATH and --self-test"
        )
    flags.refuse_alone({"--record": record, "--strict": strict}, "--baseline", is_given=baseline is not None)
    flags.refuse_alone({"--rounds": rounds is not None}, "--self-test", is_given=self_test)
    of_base = {
        "--pytest": tests is not None,
        "--build": build,
        "--markdown": markdown,
        "--save": save,
        "--github": github,
    }
    flags.refuse_alone(of_base, "--base", is_given=base is not None)
    for folder, flag in ((save, "--save"), (markdown and markdown.parent, "--markdown")):
        if folder is not None:
            folders.refuse_unwritable(folder, f"give another {flag}")
    request = commands.CheckRequest(base=base or "", suite=suite, only=only)
    if history is not None:
        raise typer.Exit(
            gate_view.print_history(terminal.console(), commands.history_of(history, None), as_json=as_json)
        )
    if baseline is not None:
        with check_view.progress(quiet=as_json) as on_outcome:
            stored = commands.check_baseline(request, baseline, on_outcome, keep=record)
        gate_view.print_baseline(terminal.console(), stored, baseline, stored.exit_code(strict), as_json=as_json)
        raise typer.Exit(stored.exit_code(strict))
    if self_test:
        with check_view.progress(quiet=as_json) as on_outcome:
            tested = commands.self_test(request, rounds or ROUNDS, on_outcome)
        gate_view.print_rates(terminal.console(), tested, as_json=as_json)
        raise typer.Exit(tested.exit_code)
    with check_view.progress(quiet=as_json) as on_outcome:
        result = commands.check(request, on_outcome, tests=tests, build=build)
    check_view.publish(result, markdown=markdown, save=save, github=github)
    if as_json:
        typer.echo(json.dumps(check_view.as_json(result)))
    else:
        check_view.print_result(terminal.console(), result, show_all=show == "all")
    raise typer.Exit(result.exit_code)
