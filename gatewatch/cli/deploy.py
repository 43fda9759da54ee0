"""`gatewatch deploy-check` and `gatewatch deploy-options`: deploying the hub with the parameters of a stage file."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003  typer reads the annotation
from typing import Annotated

import typer

from gatewatch.cli.options import CONFIG, STAGE, Config, Stage, configuration_files


def deploy_options(stage: Stage = STAGE, config: Config = CONFIG) -> None:
    """Print the osls options of a stage.

    These are the Region and the parameters of deploy/STAGE.yaml. It must name every event bus of policy.yaml, and
    the role of the identity store of accounts.yaml.
    """
    from gatewatch.cli.deployment.stage_file import load_stage, require_event_buses, require_identity_store
    from gatewatch.config.settings import load_settings

    loaded = load_stage(config, stage)
    settings = load_settings(*configuration_files(config, None, None))
    require_event_buses(loaded, settings)
    require_identity_store(loaded, settings)
    # osls refuses empty values; the defaults of serverless.yml are empty too.
    parameters = [f"--param={name}={value}" for name, value in loaded.hub_parameters().items() if value]
    typer.echo(" ".join(["--stage", loaded.name, "--region", loaded.hub.region, *parameters]))


def deploy_check(
    stage: Stage = STAGE,
    config: Config = CONFIG,
    template: Annotated[
        Path | None, typer.Option("--template", help="The packaged template, to compare resources too.")
    ] = None,
    confirm: Annotated[bool, typer.Option("--confirm", help="Accept removals and replacements.")] = False,
) -> None:
    """Compare a planned deployment with the live stack.

    Nothing is changed. Needs credentials of the monitoring account. Exit status: 0 the deployment may go on,
    1 something would be removed, emptied or replaced, 2 the comparison is not possible.
    """
    from gatewatch.cli.deployment.hub import hub_changes
    from gatewatch.cli.deployment.stage_file import load_stage
    from gatewatch.cli.errors import aws_errors_as_messages

    loaded = load_stage(config, stage)
    with aws_errors_as_messages():
        changes = hub_changes(loaded, template)
    if changes is None:
        typer.echo(f"{loaded.hub_stack} does not exist in {loaded.hub.region}; it will be created")
        return
    for each in changes:
        typer.echo(f"{'!' if each.is_narrowing else ' '} {each}")
    if not changes:
        typer.echo("no changes")
    if any(each.is_narrowing for each in changes) and not confirm:
        typer.echo(
            "changes marked ! remove, empty or replace something; accept them with CONFIRM=1 or --confirm", err=True
        )
        raise typer.Exit(1)
