"""For those who write recorders and exporters: what they need besides `one_logger.core`.

Applications do not need it. It is documented, and changes only as `one_logger.core` does; other modules of core may
change in any release.
"""

from one_logger.core import diagnostics, launcher, process, system_threads
from one_logger.core._later import imported_later
from one_logger.core.attributes import AttributeValue
from one_logger.core.call_site import located
from one_logger.core.checks import check_choice, check_names, check_number, check_type, near_miss, shown
from one_logger.core.counter import AtomicCounter
from one_logger.core.empty_span import EmptySpan
from one_logger.core.ids import new_span_id, new_trace_id
from one_logger.core.integers import portable_integer, portable_integers
from one_logger.core.interruption import is_foreign, is_interruption, let_pass
from one_logger.core.journal import Journal
from one_logger.core.span import begin_span
from one_logger.core.span_context import INVALID_SPAN_CONTEXT
from one_logger.core.text import counted, encodable, error_text, name_text, safe_repr
from one_logger.core.thread import ThreadInfo, leave_out_thread

TYPE_CHECKING = False  # importing `typing` would double the import time; type checkers know this name
if TYPE_CHECKING:
    from one_logger.core.base_exporter import WITH_PLACEHOLDERS, BaseExporter, keep_inherited
    from one_logger.core.entry_points import distribution_of, entry_points
    from one_logger.core.masking import MASK, Redactor, is_secret_name, masked, remember_secret, without_user_info
    from one_logger.core.span_view import SpanView
    from one_logger.core.weight import weigh

__all__ = [
    "INVALID_SPAN_CONTEXT",
    "MASK",
    "WITH_PLACEHOLDERS",
    "AtomicCounter",
    "AttributeValue",
    "BaseExporter",
    "EmptySpan",
    "Journal",
    "Redactor",
    "SpanView",
    "ThreadInfo",
    "begin_span",
    "check_choice",
    "check_names",
    "check_number",
    "check_type",
    "counted",
    "diagnostics",
    "distribution_of",
    "encodable",
    "entry_points",
    "error_text",
    "is_foreign",
    "is_interruption",
    "is_secret_name",
    "keep_inherited",
    "launcher",
    "leave_out_thread",
    "let_pass",
    "located",
    "masked",
    "name_text",
    "near_miss",
    "new_span_id",
    "new_trace_id",
    "portable_integer",
    "portable_integers",
    "process",
    "remember_secret",
    "safe_repr",
    "shown",
    "system_threads",
    "weigh",
    "without_user_info",
]

# Needed where exporters or recorders are made: a program that is only instrumented needs none of them.
_MODULES = {
    "MASK": "masking",
    "WITH_PLACEHOLDERS": "base_exporter",
    "BaseExporter": "base_exporter",
    "Redactor": "masking",
    "SpanView": "span_view",
    "distribution_of": "entry_points",
    "entry_points": "entry_points",
    "is_secret_name": "masking",
    "keep_inherited": "base_exporter",
    "masked": "masking",
    "remember_secret": "masking",
    "weigh": "weight",
    "without_user_info": "masking",
}

__getattr__ = imported_later(__name__, _MODULES)
