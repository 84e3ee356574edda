"""The files that `one_logger.core` reads, beside its code: the JSON Schema of the record."""

from PyInstaller.utils.hooks import collect_data_files

datas = collect_data_files("one_logger.core")
