"""Run what each README says to install, as printed: is it all that the README's programs and configurations need?

    python tools/check_installs.py [README ...]

Each line `pip install ...` of a README is run in the top folder of the checkout, alone, in a fresh environment. Then
the imports of the README's programs are run there, and its configurations are read. Without arguments, every README of
a distribution is checked. Needs uv, which makes the environments. Exits with 1, and says why, if something fails.
"""

import ast
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
BLOCK = re.compile(r"^```(?P<kind>\w+)\n(?P<code>.*?)^```$", re.DOTALL | re.MULTILINE)
AT_A_TIME = 2


def main() -> int:
    """Check the READMEs named on the command line."""
    readmes = [Path(name) for name in sys.argv[1:]] or [
        ROOT / "README.md",
        *sorted(ROOT.glob("packages/*/README.md")),
        *sorted(ROOT.glob("examples/*/README.md")),
    ]
    with ThreadPoolExecutor(AT_A_TIME) as pool:
        problems = [problem for found in pool.map(problems_of, readmes) for problem in found]
    print("\n".join(problems) or f"What {len(readmes)} READMEs say to install is all that they need.")
    return 1 if problems else 0


def problems_of(readme: Path) -> list[str]:
    """What is wrong with a README's install lines."""
    text = readme.read_text(encoding="utf-8")
    lines = install_lines(text)
    if not lines:
        return [f"{readme}: no line says how to install it."]
    return [f"{readme}: after `{line}` {problem}" for line in lines for problem in _problems(line, text)]


def install_lines(text: str) -> list[str]:
    """The lines that install something of this checkout."""
    lines = [line for block in blocks(text, "console") for line in block.splitlines()]
    return [line for line in lines if re.match(r"pip install .*\./", line)]


def blocks(text: str, kind: str) -> list[str]:
    """The code of one kind."""
    return [match["code"] for match in BLOCK.finditer(text) if match["kind"] == kind]


def imports_of(program: str) -> str:
    """The imports of a program, as a program."""
    imports = [node for node in ast.walk(ast.parse(program)) if isinstance(node, ast.Import | ast.ImportFrom)]
    return "\n".join(map(ast.unparse, imports))


def _problems(line: str, text: str) -> Iterator[str]:
    with tempfile.TemporaryDirectory() as folder:
        environment = Path(folder, "environment")
        making = ["uv", "venv", "--quiet", "--seed", f"--python={sys.executable}", str(environment)]
        if said := _run(making, ROOT):
            yield f"there is no environment to run it in: {said}"
            return
        variables = {**os.environ, "PATH": f"{environment}/bin{os.pathsep}{os.environ['PATH']}"}
        variables |= {"PIP_DISABLE_PIP_VERSION_CHECK": "1", "PIP_NO_COMPILE": "1", "VIRTUAL_ENV": str(environment)}
        if said := _run(["bash", "-ec", line], ROOT, variables):
            yield f"pip says: {said}"
            return
        python = str(environment / "bin/python")
        for program in blocks(text, "python"):
            if said := _run([python, "-I", "-c", imports_of(program)], Path(folder)):
                yield f"its program cannot be run: {said}"
        for configuration in blocks(text, "yaml"):
            path = Path(folder, "configuration.yaml")
            path.write_text(configuration, encoding="utf-8")
            values = dict.fromkeys(re.findall(r"\$\{(\w+)", configuration), "a value")
            command = [python, "-I", "-m", "one_logger.recorder", "config", f"--file={path}"]
            if said := _run(command, Path(folder), {**variables, **values}):
                yield f"its configuration cannot be used: {said}"


def _run(command: list[str], folder: Path, variables: dict[str, str] | None = None) -> str:
    """What a command has said, if it has failed."""
    done = subprocess.run(command, cwd=folder, env=variables, capture_output=True, text=True, check=False)
    return (done.stderr.strip() or done.stdout.strip()) if done.returncode else ""


if __name__ == "__main__":
    sys.exit(main())
