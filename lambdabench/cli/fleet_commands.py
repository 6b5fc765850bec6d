"""`lambdabench fleet`: a suite over many machines."""

from pathlib import Path
from typing import Annotated

import typer

from ..core import fields, flags
from . import terminal
from .options import JsonOption, ResultsOption

fleet_app = typer.Typer(
    no_args_is_help=True, help="Measure a suite over many machines: this one's devices, Ray or SLURM."
)
FleetArgument = Annotated[
    str, typer.Argument(help="A fleet's id or the beginning of it. Default: the newest.", show_default=False)
]
CancelOption = Annotated[bool, typer.Option("--cancel", help="Ctrl-C ends the shares that run; without it they go on.")]


@fleet_app.command(
    "run", epilog="Example: lambdabench fleet run --suite quickstart --on slurm --kinds l4,a100 --nodes 2"
)
def fleet_run(  # noqa: PLR0917 (a flag is a parameter in Typer)
    suite: Annotated[str, typer.Option(help="A suite's name (lambdabench list suites) or a path to a .toml file.")],
    on: Annotated[
        str, typer.Option(help="local: this machine's devices; ray: a Ray cluster; slurm: SLURM's nodes.")
    ] = "local",
    kinds: Annotated[str, typer.Option(help="Kinds of nodes, comma-separated; auto: all that there are.")] = "auto",
    nodes: Annotated[str | None, typer.Option(help="Most nodes of each kind. Default: all.")] = None,
    shares: Annotated[
        int | None,
        typer.Option(
            min=1, help="In how many shares each kind's suite is cut. Default: one a node. Each has the reference."
        ),
    ] = None,
    models: Annotated[str | None, typer.Option(help="Only models that match these globs, comma-separated.")] = None,
    backend: Annotated[str | None, typer.Option(help=fields.NAMED["backend"].help)] = None,
    device: Annotated[str | None, typer.Option(help=fields.NAMED["device"].help)] = None,
    mode: Annotated[str | None, typer.Option(help=fields.NAMED["mode"].help)] = None,
    batch_size: Annotated[str | None, typer.Option(help=fields.NAMED["batch_size"].help)] = None,
    image_px: Annotated[str | None, typer.Option(help=fields.NAMED["image_px"].help)] = None,
    dtype: Annotated[str | None, typer.Option(help=fields.NAMED["dtype"].help)] = None,
    budget: Annotated[str | None, typer.Option(help="Most time of each share: 90s, 10m, 1h30m.")] = None,
    results: ResultsOption = Path("results"),
    cancel: CancelOption = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="Print nodes, shares and their cases, with SLURM the sbatch files; start nothing."
        ),
    ] = False,
    as_json: JsonOption = False,
) -> None:
    """Measure a suite on every kind of node there is. Exit codes: 0 done, 1 a share failed or nodes of a kind differ, 2 cannot be done,
    3 nothing usable, 130 interrupted."""
    given = dict(locals())
    from .. import commands
    from . import fleet_view

    request = commands.FleetRequest(
        suite=suite,
        on=on,
        kinds=flags.words(kinds, "--kinds"),
        nodes=commands.count_nodes(nodes, "--nodes"),
        shares=shares,
        run_flags=commands.text_flags(given),
        results=results,
    )
    fleet, engine = commands.plan_fleet(request)
    if dry_run:
        fleet_view.print_plan(terminal.console(), fleet, commands.plan_texts(request, fleet, engine))
        return
    home = commands.start_fleet(request, fleet)
    say = fleet_view.teller(quiet=as_json)
    say(
        f"fleet {fleet.fleet_id}: {len(fleet.shares)} shares on {len(fleet.nodes)} nodes ({fleet.on}), in {commands.told(home)}"
    )
    status = commands.look_after(home, fleet, engine, say, cancel=cancel)
    fleet_view.print_status(terminal.console(), status, as_json=as_json)
    raise typer.Exit(status.exit_code())


@fleet_app.command("status", epilog="Example: lambdabench fleet status")
def fleet_status(
    fleet: FleetArgument = "", results: ResultsOption = Path("results"), as_json: JsonOption = False
) -> None:
    """Print how far each share is, where its attempts ran, and what is known of each kind of node by now."""
    from .. import commands
    from . import fleet_view

    status = commands.status(*commands.find_fleet(results, fleet))
    fleet_view.print_status(terminal.console(), status, as_json=as_json)


@fleet_app.command("resume", epilog="Example: lambdabench fleet resume")
def fleet_resume(
    fleet: FleetArgument = "",
    results: ResultsOption = Path("results"),
    cancel: CancelOption = False,
    as_json: JsonOption = False,
) -> None:
    """Look after a fleet again: what runs is known again, what was lost or has failed is tried anew."""
    from .. import commands
    from . import fleet_view

    home, known = commands.find_fleet(results, fleet)
    status = commands.resume_fleet(home, known, fleet_view.teller(quiet=as_json), cancel=cancel)
    fleet_view.print_status(terminal.console(), status, as_json=as_json)
    raise typer.Exit(status.exit_code())


@fleet_app.command("cancel", epilog="Example: lambdabench fleet cancel")
def fleet_cancel(fleet: FleetArgument = "", results: ResultsOption = Path("results")) -> None:
    """End the shares that run, after the visit in flight; what they have stored is kept, and fleet resume goes on."""
    from .. import commands

    home, known = commands.find_fleet(results, fleet)
    terminal.say(f"told {commands.cancel_fleet(home, known)} shares of {known.fleet_id} to end")


@fleet_app.command("work", hidden=True)
def fleet_work(folder: str, attempt: Annotated[int, typer.Option(min=1)]) -> None:
    """What a node runs: the attempt that is described in a share's folder."""
    from .. import commands, store

    raise typer.Exit(commands.work(store.place(folder), attempt))
