"""Look at what one-logger has recorded: is it all there, what happened, and where did the time go."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from one_logger.analysis.columns import Detail
    from one_logger.analysis.errors import ReadError
    from one_logger.analysis.findings import Finding, Verdict
    from one_logger.analysis.overview import Overview
    from one_logger.analysis.run import Answer, Run
    from one_logger.analysis.state import RunState
    from one_logger.analysis.statements import view_statements
    from one_logger.analysis.verification import StreamState, Verification

__all__ = [
    "Answer",
    "Detail",
    "Finding",
    "Overview",
    "ReadError",
    "Run",
    "RunState",
    "StreamState",
    "Verdict",
    "Verification",
    "view_statements",
]

_MODULES = {
    "Answer": "run",
    "Detail": "columns",
    "Finding": "findings",
    "Overview": "overview",
    "ReadError": "errors",
    "Run": "run",
    "RunState": "state",
    "StreamState": "verification",
    "Verdict": "findings",
    "Verification": "verification",
    "view_statements": "statements",
}


def __getattr__(name: str) -> Any:
    # Not before it is needed: DuckDB takes a quarter of a second, which `one-logger --help` can do without.
    if name in _MODULES:
        return getattr(import_module(f"{__name__}.{_MODULES[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
