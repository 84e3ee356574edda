"""What the check of the READMEs' install lines reads in them."""

from pathlib import Path

import pytest

from tools.check_installs import ROOT, imports_of, install_lines, problems_of

README = """
```console
pip install nox && nox
```

```console
pip install ./packages/one-logger-core './packages/one-logger-exporter-otel[http]'
pip install ./examples/vendor-exporter
```

    pip install ./no/block

```text
pip install ./printed
```
"""


def test_lines_that_install_the_checkout_are_found() -> None:
    """A line counts if it stands in a block of commands and installs something of the checkout."""
    assert install_lines(README) == [
        "pip install ./packages/one-logger-core './packages/one-logger-exporter-otel[http]'",
        "pip install ./examples/vendor-exporter",
    ]


def test_imports_of_a_program_are_found_wherever_they_stand() -> None:
    """Imports in functions count, too, and nothing else of the program is run."""
    program = "import a.b as c\nprint(c)\ndef f():\n    from d import (e,\n        f)\n    return e\n"
    assert imports_of(program) == "import a.b as c\nfrom d import e, f"


def test_readme_without_a_line_is_a_problem(tmp_path: Path) -> None:
    """A README that doesn't say how to install its distribution is found."""
    readme = tmp_path / "README.md"
    readme.write_text("# one-logger\n\n```console\npip install nox && nox\n```\n")
    assert problems_of(readme) == [f"{readme}: no line says how to install it."]


@pytest.mark.parametrize("package", sorted(path.name for path in ROOT.glob("packages/*")))
def test_readme_installs_its_own_distribution(package: str) -> None:
    """The README of each distribution has a line that installs it, from the checkout."""
    lines = install_lines((ROOT / "packages" / package / "README.md").read_text(encoding="utf-8"))
    assert any(f"./packages/{package}" in line for line in lines), lines
