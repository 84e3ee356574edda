"""Import-linter's *protected* contract, for modules that need not be there."""

from typing import cast

from grimp import ImportGraph
from importlinter import ContractCheck
from importlinter.contracts import protected


class ProtectedContract(protected.ProtectedContract):
    """A *protected* contract that holds before the first import of what it protects.

    Import-linter's own fails with "not present in the graph" as long as nothing imports the protected module, or as
    long as the allowed importer isn't written. Then the rule could only be added after the import it should judge.
    """

    def check(self, graph: ImportGraph, verbose: bool) -> ContractCheck:
        """Check the contract in a graph that knows all modules which the contract names."""
        named = cast("list[object]", self.protected_modules) + cast("list[object]", self.allowed_importers)
        for name in map(str, named):
            if name not in graph.modules:
                graph.add_module(name)
        return super().check(graph, verbose)
