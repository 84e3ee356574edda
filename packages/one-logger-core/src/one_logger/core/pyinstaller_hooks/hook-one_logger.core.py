"""The file that `one_logger.core` reads, beside its code: the JSON Schema of the record."""

import os

_FOLDER = os.path.dirname(os.path.dirname(__file__))

datas = [(os.path.join(_FOLDER, "record.schema.json"), "one_logger/core")]
