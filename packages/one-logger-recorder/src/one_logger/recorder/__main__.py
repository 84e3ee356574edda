"""What can be asked of the recorder on the command line.

python -m one_logger.recorder config [--file PATH] [--json]
python -m one_logger.recorder schema
"""

from __future__ import annotations

import argparse
import io
import json
import sys

from one_logger.core.spi import encodable


def main() -> int:
    """Print what was asked for. The exit status is 1 if the configuration has a problem."""
    arguments = _parser().parse_args()
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")  # the terminal may have fewer characters than the report
    if arguments.command == "schema":
        from one_logger.recorder.configuration.schema import configuration_schema

        sys.stdout.write(f"{json.dumps(configuration_schema(), indent=2)}\n")
        return 0

    from one_logger.recorder.configuration.report import as_json, as_text, make_report

    report = make_report(arguments.file)
    text = as_json(report) if arguments.json else as_text(report)
    sys.stdout.write(f"{encodable(text)}\n")
    return 0 if report["ok"] else 1


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m one_logger.recorder")
    commands = parser.add_subparsers(dest="command", required=True)
    config = commands.add_parser(
        "config", help="show which exporters and processors would be used here, where that is said, and what is wrong"
    )
    config.add_argument("--file", help="the configuration file (default: the one that configure() would find)")
    config.add_argument("--json", action="store_true", help="print JSON")
    commands.add_parser("schema", help="print the JSON Schema of the configuration file, for editors")
    return parser


if __name__ == "__main__":
    sys.exit(main())
