"""A collector for OTLP over gRPC, which parses what it gets and throws it away.

rotel leaves Nagle's algorithm on: its windows for flow control come up to 40 ms late, in a third of all requests of
some size. A benchmark with it would be about that.
"""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor

import grpc
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import (
    ExportTraceServiceRequest,
    ExportTraceServiceResponse,
)

SERVICE = "opentelemetry.proto.collector.trace.v1.TraceService"


def main() -> None:
    """Serve at the address that the command line names, until the process is ended."""

    def take(_request: ExportTraceServiceRequest, _context: object) -> ExportTraceServiceResponse:
        return ExportTraceServiceResponse()

    export = grpc.unary_unary_rpc_method_handler(
        take,
        request_deserializer=ExportTraceServiceRequest.FromString,
        response_serializer=ExportTraceServiceResponse.SerializeToString,
    )
    server = grpc.server(ThreadPoolExecutor(2))
    server.add_generic_rpc_handlers((grpc.method_handlers_generic_handler(SERVICE, {"Export": export}),))
    server.add_insecure_port(sys.argv[1])
    server.start()
    server.wait_for_termination()


if __name__ == "__main__":
    main()
