"""What an exporter may be told, and what it says of anything else."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import trustme
from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter

from one_logger.core import ExportError, OneLoggerError, Resource, Span
from one_logger.exporter.otel import OTelExporter
from one_logger.recorder import ExporterConfigError, build_exporters


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ({"protocol": "http/json"}, "protocol is 'http/json'; expected one of 'http/protobuf', 'grpc'"),
        ({"endpoint": "collector:4318"}, "endpoint is 'collector:4318'; expected a URL such as http://collector:4318."),
        ({"endpoint": "http://"}, "expected a URL such as http://collector:4318"),
        ({"endpoint": "http://collector:port"}, "expected a URL"),
        ({"endpoint": "http://collector:99999"}, "expected a URL"),
        ({"endpoint": "http://[::1"}, "expected a URL"),
        ({"endpoint": "ftp://collector"}, "expected a URL"),
        ({"endpoint": "http://col lector"}, "expected a URL"),
        ({"endpoint": 4318}, "endpoint was given as int; expected a URL"),
        ({"endpoint": "http://collector?a=b"}, "without a query or fragment"),
        ({"endpoint": "http://collector/base", "protocol": "grpc"}, "such as http://collector:4317: over gRPC there"),
        ({"headers": {"no name": "x"}}, "headers has the name 'no name', which no header can have"),
        ({"headers": {"": "x"}}, "headers has the name ''"),
        ({"headers": {"x-token": 1}}, "The value of the header 'x-token' in headers is no text"),
        ({"headers": "token"}, "headers has a part without an equals sign; expected name=value,name=value."),
        ({"headers": ["a=b"]}, "headers was given as list; expected a mapping of names to texts."),
        ({"compression": "zip"}, "'zip'; expected one of 'none', 'gzip', 'deflate', or None."),
        (
            {"compression": "deflate", "protocol": "grpc"},
            "over grpc is 'deflate'; expected one of 'none', 'gzip', or None.",
        ),
        ({"timeout": 0}, "timeout is 0; expected a number of seconds"),
        ({"timeout": float("nan")}, "timeout is nan"),
        ({"timeout": True}, "timeout is True"),
        ({"max_events": -1}, "max_events is -1; expected a whole number from 0."),
        ({"batch_size": 0}, "batch_size is 0; expected a whole number from 1."),
        ({"nan": "null"}, "nan is 'null'; expected one of 'number', 'text'."),
        ({"events": "spans"}, "events is 'spans'; expected one of 'span', 'log', 'both'."),
        ({"certificate": 1}, "certificate was given as int; expected the path of a file, or None."),
        ({"client_key": "key.pem"}, "client_key was given without client_certificate"),
        ({"span_exporter": "otlp"}, "span_exporter was given as str; expected a SpanExporter of OpenTelemetry"),
        ({"span_exporter": InMemorySpanExporter}, "the class InMemorySpanExporter; expected an object of it."),
        ({"log_exporter": InMemorySpanExporter()}, "say events='log' or 'both'."),
        ({"log_exporter": object()}, "log_exporter was given as object; expected a LogRecordExporter"),
        ({"span_exporter": InMemorySpanExporter(), "endpoint": "http://a"}, "leave one of the two out."),
    ],
)
def test_mistakes_are_said(arguments: dict[str, Any], said: str) -> None:
    """An argument that cannot be used is refused at once, in a sentence that says what was expected."""
    with pytest.raises(OneLoggerError) as raised:
        OTelExporter(**arguments)
    assert said in str(raised.value)


def test_secrets_are_not_said() -> None:
    """No message has the value of a header, or the user and password in a URL."""
    for arguments in ({"headers": {"token": "hush\nhush"}}, {"endpoint": "http://user:hush@"}, {"headers": "hush"}):
        with pytest.raises(OneLoggerError) as raised:
            OTelExporter(**arguments)
        assert "hush" not in str(raised.value)


def test_relative_path_is_meant_where_the_exporter_was_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The job may change its working directory before the file is read again."""
    trustme.CA().cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.chdir(tmp_path)
    exporter = OTelExporter(endpoint="https://127.0.0.1:9", certificate="ca.pem", protocol="grpc")
    monkeypatch.chdir("/")
    exporter.initialize(Resource())
    exporter.export_stop(Span("work"))
    with pytest.raises(ExportError, match="UNAVAILABLE"):
        exporter.close()


@pytest.mark.parametrize("variable", ["OTEL_EXPORTER_OTLP_PROTOCOL", "OTEL_EXPORTER_OTLP_TRACES_PROTOCOL"])
def test_protocol_of_the_environment_is_checked_too(monkeypatch: pytest.MonkeyPatch, variable: str) -> None:
    """A protocol that the environment asks for, and that is not there, is refused with the name of the variable."""
    monkeypatch.setenv(variable, "http/json")
    with pytest.raises(OneLoggerError, match=f"{variable} is 'http/json'; expected one of 'http/protobuf', 'grpc'"):
        OTelExporter()
    OTelExporter(protocol="grpc")


MISSING = """
import sys
class Missing:
    def find_spec(self, name, path=None, target=None):
        if name.startswith(("opentelemetry.exporter", "requests", "grpc")):
            raise ModuleNotFoundError(f"No module named {name!r}", name=name)
sys.meta_path.insert(0, Missing())

from one_logger.core import OneLoggerError, Resource, Span
from one_logger.exporter.otel import OTelExporter
for arguments in ({}, {"protocol": "grpc"}):
    try:
        OTelExporter(**arguments)
    except OneLoggerError as error:
        print(error)
assert not any(name.startswith("opentelemetry.sdk") for name in sys.modules)

from opentelemetry.sdk.trace.export.in_memory_span_exporter import InMemorySpanExporter
spans = InMemorySpanExporter()
exporter = OTelExporter(spans)
exporter.initialize(Resource.create("tests"))
span = Span("work")
span.stop()
exporter.export_stop(span)
exporter.close()
print(spans.get_finished_spans()[0].name)
"""


def test_missing_package_is_named() -> None:
    """Without the package for a protocol the constructor says what to install; a given exporter needs none."""
    done = subprocess.run([sys.executable, "-W", "error", "-c", MISSING], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    http, grpc, name = done.stdout.splitlines()
    assert "run pip install 'one-logger-exporter-otel[http]', or choose protocol='grpc'." in http
    assert "run pip install 'one-logger-exporter-otel[grpc]', or choose protocol='http/protobuf'." in grpc
    assert name == "work"


def test_import_is_cheap() -> None:
    """Importing the exporter, which a configuration does to look at it, imports nothing of OpenTelemetry."""
    code = (
        "import sys; from one_logger.exporter.otel import OTelExporter;"
        "print([n for n in sys.modules if n.startswith(('opentelemetry.sdk', 'requests', 'grpc', 'google'))])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "[]\n"


@pytest.mark.parametrize("protocol", ["http/protobuf", "grpc"])
@pytest.mark.parametrize("events", ["span", "both"])
def test_nothing_is_imported_after_it_was_made(protocol: str, events: str) -> None:
    """The exporter's thread imports nothing: a process forked meanwhile could not import it any more."""
    code = (
        "import sys\n"
        "from one_logger.core import Event, Resource, Span\n"
        "from one_logger.exporter.otel import OTelExporter\n"
        f"exporter = OTelExporter(endpoint='http://nobody.invalid:1', protocol={protocol!r}, events={events!r})\n"
        "before = set(sys.modules)\n"
        "exporter.initialize(Resource.create('tests'))\n"
        "span = Span('work')\n"
        "exporter.export_start(span)\n"
        "exporter.export_event(Event('step'), span)\n"
        "span.stop()\n"
        "exporter.export_stop(span)\n"
        "try:\n"
        "    exporter.flush()\n"
        "except Exception as error:\n"
        "    print(type(error).__name__)\n"
        "print(sorted(set(sys.modules) - before))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "ExportError\n[]\n"


@pytest.mark.parametrize(
    ("variables", "said"),
    [
        ({"ENDPOINT": "collector:4318"}, "ENDPOINT is 'collector:4318'; expected a URL such as http://collector:4318."),
        ({"TRACES_ENDPOINT": "ftp://collector"}, "OTLP_TRACES_ENDPOINT is 'ftp://collector'; expected a URL"),
        ({"ENDPOINT": "user:hush@host:4318"}, "OTEL_EXPORTER_OTLP_ENDPOINT is '***@host:4318'; expected a URL"),
        ({"ENDPOINT": "unix:///tmp/socket"}, "expected a URL"),
        ({"HEADERS": "x-token=hush%0Ahush"}, "The value of the header 'x-token' in OTEL_EXPORTER_OTLP_HEADERS is no"),
        ({"HEADERS": "hush"}, "OTEL_EXPORTER_OTLP_HEADERS has a part without an equals sign"),
        ({"COMPRESSION": "zip"}, "OTEL_EXPORTER_OTLP_COMPRESSION over http/protobuf is 'zip'; expected one of"),
        ({"COMPRESSION": "deflate", "PROTOCOL": "grpc"}, "COMPRESSION over grpc is 'deflate'; expected one of"),
        ({"TIMEOUT": "0"}, "OTEL_EXPORTER_OTLP_TIMEOUT is 0.0; expected a number of seconds from 0.001"),
        ({"TIMEOUT": "-1"}, "OTEL_EXPORTER_OTLP_TIMEOUT is -1.0"),
        ({"TIMEOUT": "soon"}, "OTEL_EXPORTER_OTLP_TIMEOUT is 'soon'"),
        ({"ENDPOINT": "http://collector:4317/path", "PROTOCOL": "grpc"}, "over gRPC there is no path."),
    ],
)
def test_variables_are_checked_as_arguments_are(
    variables: dict[str, str], said: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A variable that cannot be used is refused when the exporter is made, by its name, and without a secret."""
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    with pytest.raises(OneLoggerError) as raised:
        OTelExporter()
    assert said in str(raised.value)
    assert "hush" not in str(raised.value)


@pytest.mark.parametrize(
    "variables",
    [
        {"ENDPOINT": "collector:4317", "PROTOCOL": "grpc", "INSECURE": "true"},
        {"ENDPOINT": "collector:4317", "PROTOCOL": "grpc"},
        {"ENDPOINT": "unix:///tmp/socket", "PROTOCOL": "grpc"},
        {"ENDPOINT": "unix:socket", "PROTOCOL": "grpc"},
        {"COMPRESSION": "GZIP"},
        {"TRACES_ENDPOINT": "https://collector/take?key=a", "TIMEOUT": "0.5", "HEADERS": "a=b%20c,d=e f\n"},
    ],
)
def test_variables_mean_what_they_mean_elsewhere(variables: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """What OpenTelemetry's own exporters take from the environment is taken."""
    for name, value in variables.items():
        monkeypatch.setenv(f"OTEL_EXPORTER_OTLP_{name}", value)
    OTelExporter()


def test_configuration_makes_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`type: otel` makes one, from texts as a file with variables has them."""
    monkeypatch.setenv("TOKEN", "hush")
    (exporter,) = build_exporters(
        [
            {
                "type": "otel",
                "config": {
                    "endpoint": "https://collector:4317",
                    "protocol": "grpc",
                    "headers": {"x-token": "${TOKEN}"},
                    "compression": "gzip",
                    "timeout": "500ms",
                    "max_events": "16",
                    "events": "both",
                },
            }
        ]
    ).values()
    assert isinstance(exporter, OTelExporter)


def test_configuration_is_checked() -> None:
    """What a configuration has wrong is said with its place."""
    wrong = {"endpoint": "collector", "protocol": "grcp", "timeout": "soon", "headers": {"x": "y"}, "endpont": "z"}
    with pytest.raises(ExporterConfigError) as raised:
        build_exporters([{"type": "otel", "config": wrong}])
    problems = "\n".join(map(str, raised.value.problems))
    for said in ("protocol", "'http/protobuf', 'grpc'", "timeout", "endpont"):
        assert said in problems
    with pytest.raises(ExporterConfigError, match="expected a URL such as http://collector:4318"):
        build_exporters([{"type": "otel", "config": {"endpoint": "collector"}}])
    with pytest.raises(ExporterConfigError, match="which only code can give"):
        build_exporters([{"type": "otel", "config": {"span_exporter": "InMemorySpanExporter"}}])


def test_path_of_a_signal_may_be_part_of_the_endpoint() -> None:
    """An endpoint may be copied with the path of a signal, or a slash, at its end."""
    for endpoint in (
        "http://collector/v1/traces",
        "http://collector/v1/logs/",
        "http://collector/",
        " http://collector",
    ):
        OTelExporter(endpoint=endpoint)
    OTelExporter(endpoint="http://collector:4317/", protocol="grpc")


def test_class_is_found_from_a_span() -> None:
    """What cannot be exported in its state says so."""
    exporter = OTelExporter(InMemorySpanExporter())
    with pytest.raises(ExportError, match="not initialised; call initialize"):
        exporter.export_start(Span("work"))
