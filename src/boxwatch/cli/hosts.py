"""`boxwatch hosts`: which machines are watched, and whether they can be."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from boxwatch import wiring
from boxwatch.cli.options import Labels
from boxwatch.cli.printing import rows_table, show_json
from boxwatch.cli.session import Session, open_session
from boxwatch.errors import UsageError

app = typer.Typer(
    add_completion=False,
    no_args_is_help=True,
    help="Add, list, check, remove the hosts to watch.",
)

UNREACHABLE: Final = 3

Name = Annotated[str, typer.Argument(metavar="NAME", help="What the host is called.")]


@app.command()
def add(
    ctx: typer.Context,
    address: Annotated[
        str, typer.Argument(metavar="ADDRESS", help="ssh://user@host:port, or local.")
    ],
    name: Annotated[
        str | None, typer.Option(metavar="NAME", help="What to call it; none = by its address.")
    ] = None,
    key: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The private key; none = one of those in ~/.ssh."),
    ] = None,
    accept_fingerprint: Annotated[
        str | None,
        typer.Option(
            metavar="SHA256:...", help="The fingerprint of its host key, known from elsewhere."
        ),
    ] = None,
) -> None:
    """Add a host: confirm its key, log in, see what it offers, write it into the settings."""
    session = open_session(ctx)
    offered = wiring.offer_host(session.settings, address, name, key)
    if offered.shown is not None:
        _confirm(session, offered, accept_fingerprint)
    added = wiring.add_host(session.settings, offered)
    if session.as_json:
        show_json(session.console, added)
        return
    session.console.print(rows_table(added.capabilities))
    session.console.print(Text(f"{added.name} ({added.address}) is now in {added.file}."))
    if not session.settings.hosts and address != "local":
        note = "This machine itself is watched too if you add it: `boxwatch hosts add local`."
        session.console.print(Text(note, "dim"))


@app.command("list")
def list_(ctx: typer.Context, label: Labels = None) -> None:
    """List the hosts of the settings."""
    session = open_session(ctx)
    hosts = wiring.labelled(session.settings, label or [])
    rows: list[dict[str, object]] = [
        {
            "name": host.name,
            "address": host.address,
            "key": None if host.key is None else str(session.settings.beside_file(host.key)),
            "known_hosts": None if host.local else str(session.settings.known_hosts(host)),
            "sources": list(host.sources),
            "labels": dict(host.labels),
        }
        for host in hosts
    ]
    if session.as_json:
        show_json(session.console, rows)
    elif rows:
        shown = [{key: one for key, one in row.items() if key != "known_hosts"} for row in rows]
        session.console.print(rows_table([_for_people(row) for row in shown]))
    elif label:
        session.console.print("No host has these labels.")
    else:
        session.console.print("No hosts are configured: this machine alone is watched.")


@app.command()
def check(
    ctx: typer.Context,
    name: Annotated[
        str | None, typer.Argument(metavar="NAME", help="Only this host; none = all of them.")
    ] = None,
) -> int:
    """Log in to the hosts and say what they offer and what is missing.

    Ends with status 3 if one cannot be reached.
    """
    session = open_session(ctx)
    found = wiring.check_hosts(session.settings, name)
    if session.as_json:
        show_json(session.console, found)
    else:
        session.console.print(rows_table(found))
    lost = any(one.name == "ssh" and one.state != "ok" for one in found)
    return UNREACHABLE if lost else 0


@app.command()
def remove(ctx: typer.Context, name: Name) -> None:
    """Take a host out of the settings, with the host key that adding it trusted.

    What was recorded of it stays.
    """
    session = open_session(ctx)
    removed = wiring.remove_host(session.settings, name)
    if session.as_json:
        told = {"removed": name, "file": removed.file, "known_hosts": removed.known_hosts}
        show_json(session.console, told)
        return
    session.console.print(Text(f"{name} is no longer in {removed.file}."))
    if removed.known_hosts is not None:
        session.console.print(Text(f"Its host key is no longer in {removed.known_hosts}."))


def _for_people(row: dict[str, object]) -> dict[str, object]:
    sources, labels = row["sources"], row["labels"]
    return row | {"key": row["key"] or "", "sources": sources or "all", "labels": labels or ""}


def _confirm(session: Session, offered: wiring.Offer, accepted: str | None) -> None:
    """Let a person, or the option, say that the host key is the right one.

    Raises:
        UsageError: it is not, or nobody is there to say so.

    """
    shown = offered.shown
    if accepted is not None and accepted != shown.fingerprint:
        raise UsageError(
            f"{offered.address} shows the host key {shown.fingerprint}, not {accepted!r}.",
            hint="Do not go on before you know why.",
        )
    if accepted is not None or shown.trusted:
        return
    if session.as_json or not sys.stdin.isatty():
        raise UsageError(
            f"{offered.address} shows the {shown.kind} host key {shown.fingerprint}, and nobody "
            "is there to confirm it.",
            hint="Compare it on the machine itself (`ssh-keygen -lf /etc/ssh/"
            f"ssh_host_ed25519_key.pub`), then add --accept-fingerprint {shown.fingerprint}.",
        )
    session.console.print(Text(f"{offered.address} shows this {shown.kind} host key:"))
    session.console.print(Text(f"  {shown.fingerprint}", "bold"))
    if shown.known_to_ssh:
        session.console.print(Text("  Your own ssh knows this key for this host.", "dim"))
    if not typer.confirm("Is it the right one?"):
        raise UsageError("The host key was not confirmed; nothing was changed.")
