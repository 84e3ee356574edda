"""Exporters and processors configured by the code, a file, or packages. The guide is docs/exporter-configuration.md."""

from one_logger.recorder.configuration.application import build_exporters, build_processors, configure
from one_logger.recorder.configuration.problem import ConfigProblem, ExporterConfigError

__all__ = ["ConfigProblem", "ExporterConfigError", "build_exporters", "build_processors", "configure"]
