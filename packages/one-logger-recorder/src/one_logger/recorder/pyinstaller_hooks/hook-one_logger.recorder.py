"""What a configuration may name, which no code imports: every exporter and processor that is installed.

Those of other distributions are found by their metadata, so that goes with them.
"""

from importlib.metadata import entry_points

from PyInstaller.utils.hooks import copy_metadata

_points = [
    point
    for group in ("one_logger.exporters", "one_logger.processors", "one_logger.exporter_configs")
    for point in entry_points(group=group)
]
hiddenimports = sorted({point.module for point in _points})
datas = [data for name in {point.dist.name for point in _points if point.dist} for data in copy_metadata(name)]
