"""The recorder of one-logger: from the instrumented call to the exporters."""

from one_logger.recorder.configuration import ConfigProblem, ExporterConfigError, build_exporters, configure
from one_logger.recorder.default_recorder import DefaultRecorder
from one_logger.recorder.stats import ExporterStats

__all__ = [
    "ConfigProblem",
    "DefaultRecorder",
    "ExporterConfigError",
    "ExporterStats",
    "build_exporters",
    "configure",
]
