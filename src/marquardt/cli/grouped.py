"""Help with the options under headings, without Rich."""

from __future__ import annotations

from typing import Any

from typer.core import TyperCommand


class GroupedCommand(TyperCommand):
    """A command whose help lists each option under the heading in its `rich_help_panel`."""

    def format_options(self, ctx: Any, formatter: Any) -> None:
        """Write the arguments, then the options by heading, in the order in which headings first appear."""
        headings: dict[str, list[tuple[str, str]]] = {}
        parameters = self.get_params(ctx)
        has_headings = any(getattr(parameter, "rich_help_panel", None) for parameter in parameters)
        rest = "Other" if has_headings else "Options"
        for parameter in parameters:
            record = parameter.get_help_record(ctx)
            if record is not None:
                is_argument = parameter.param_type_name == "argument"
                heading = getattr(parameter, "rich_help_panel", None)
                headings.setdefault(heading or ("Arguments" if is_argument else rest), []).append(record)
        for heading, records in headings.items():
            with formatter.section(heading):
                formatter.write_dl(records, col_max=28)
