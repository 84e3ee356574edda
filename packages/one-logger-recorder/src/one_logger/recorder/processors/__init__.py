"""Processors: what stands between the instrumented call and the exporters. The guide is docs/processors.md."""
