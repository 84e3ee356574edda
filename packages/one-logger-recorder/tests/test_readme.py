"""The READMEs: what they show runs, and prints what they say it does."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[3]
# Those whose programs need no more than is installed where the recorder is.
READMES = [
    "README.md",
    *(f"packages/one-logger-{name}/README.md" for name in ("core", "api", "recorder")),
    "examples/vendor-exporter/README.md",
]
PROGRAM = re.compile(r"^```python\n(?P<code>.*?)^```\n(?:\n```text\n(?P<output>.*?)^```\n)?", re.DOTALL | re.MULTILINE)


@pytest.mark.parametrize("readme", READMES)
def test_programs_in_readme_run(readme: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each program runs without a word on stderr, and prints what stands below it.

    They run one after the other in one folder, as a reader would run them: one may read the file of the one before.
    """
    monkeypatch.delenv("ONE_LOGGER_DISABLED", raising=False)
    text = (ROOT / readme).read_text(encoding="utf-8")
    programs = list(PROGRAM.finditer(text))
    assert len(programs) == text.count("```python") > 0
    for program in programs:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", program["code"]],
            cwd=tmp_path,
            capture_output=True,
            encoding="utf-8",
            timeout=60,
            check=False,
        )
        line = text.count("\n", 0, program.start()) + 1
        outcome = (done.returncode, done.stderr, done.stdout)
        assert outcome == (0, "", program["output"] or ""), f"the program at {readme}:{line}"


def test_no_readme_has_programs_that_nobody_runs() -> None:
    """Each README of the repository with programs is run here, or by the tests of its own distribution."""
    folders = [ROOT, *ROOT.glob("packages/*"), *ROOT.glob("examples/*"), *ROOT.glob("tools/*")]
    readmes = [folder / "README.md" for folder in folders if (folder / "README.md").exists()]
    for readme in readmes:
        listed = str(readme.relative_to(ROOT)) in READMES
        if not listed and "```python" in readme.read_text(encoding="utf-8"):
            assert (readme.parent / "tests/test_readme.py").exists(), readme
