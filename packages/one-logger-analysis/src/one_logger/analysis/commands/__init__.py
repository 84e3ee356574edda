"""The commands: each is a module in this folder, whose `command` is a `click.Command` that returns the exit code.

Other distributions add commands by entry points in the group `one_logger.commands`: each is a function that takes the
remaining arguments and returns the exit code.
"""

from one_logger.analysis.command_group import Commands

COMMANDS = Commands(
    "one-logger",
    help="Look at what one-logger has recorded. PATH is a file, a folder, or a pattern such as 'telemetry/*.jsonl'.",
    epilog="Exit codes: 0 all is well, 1 a finding, 2 something cannot be read.",
    no_args_is_help=True,
)
