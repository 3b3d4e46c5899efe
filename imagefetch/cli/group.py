"""The group of sub-commands, whose first argument may also be a list; what shells complete."""

from __future__ import annotations

from collections.abc import Collection
from difflib import get_close_matches
from pathlib import Path

import click
from click.shell_completion import CompletionItem

from imagefetch.errors import BadInput


class Commands(click.Group):
    """A group whose first argument may be a list: it then stands for ``fetch``."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        own = {flag for param in self.get_params(ctx) for flag in param.opts}
        if args and args[0] not in own | self.commands.keys():
            if not ctx.resilient_parsing:
                check_word(args[0], self.commands)
            args = ["fetch", *args]
        return super().parse_args(ctx, args)

    def format_usage(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        formatter.write_usage("imagefetch", "LIST [OPTIONS]")
        formatter.write_usage("imagefetch", "COMMAND --help", prefix=" " * len("Usage: "))

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        params = (*self.commands["fetch"].params, *self.get_params(ctx))
        records = (
            param.get_help_record(ctx) for param in params if param.param_type_name != "argument"
        )
        with formatter.section("Options"):
            formatter.write_dl([record for record in records if record])
        self.format_commands(ctx, formatter)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        if incomplete.startswith("-"):
            fetch = self.commands["fetch"]
            own = super().shell_complete(ctx, incomplete)
            return [*own, *fetch.shell_complete(click.Context(fetch, ctx), incomplete)]
        names = super().shell_complete(ctx, incomplete)
        return [CompletionItem(incomplete, type="file"), *names]


def check_word(word: str, known: Collection[str]) -> None:
    """:raises BadInput: if *word* is no list, but resembles the name of a command"""
    if word.startswith("-") or not word.isidentifier() or Path(word).exists():
        return
    if close := get_close_matches(word, [*known], 1):
        raise BadInput(f"{word}: there is no such command or list; did you mean {close[0]}?")


class Files(click.ParamType[str]):
    """A path; shells complete it."""

    name = "file"

    def shell_complete(
        self, ctx: click.Context, param: click.Parameter, incomplete: str
    ) -> list[CompletionItem]:
        return [CompletionItem(incomplete, type="file")]
