"""What the calls of logs are called where no contract names them: as spans call them."""

from urllib.parse import parse_qs

from monitor.contracts.payloads import Payload
from monitor.edges.graphql import graphql_asked
from monitor.model.exchanges import GRPC, Exchange
from monitor.model.operations import capped, http_operation

_MOST_CHARS = 16_384


def named_by_route(exchange: Exchange) -> bool:
    """Whether the method and the route alone name what is called."""
    return exchange.protocol != GRPC and "graphql" not in exchange.path.lower()


def operation_of(exchange: Exchange, request: Payload, route: str) -> str:
    """`METHOD /route`, of gRPC `package.Service/Method`, and of GraphQL what is asked for: `POST
    /graphql query cart`.
    """
    if exchange.protocol == GRPC:
        return capped(exchange.path.strip("/"))
    name = http_operation(exchange.method, route)
    if named_by_route(exchange):
        return name
    if exchange.request_body:
        return (
            capped(f"{name} {graphql_asked(request.value)}".rstrip())
            if not request.problem
            else name
        )
    if "query=" in exchange.query and len(exchange.query) <= _MOST_CHARS:
        try:
            body = {
                word: values[0]
                for word, values in parse_qs(exchange.query, max_num_fields=100).items()
                if values
            }
        except ValueError:
            return name
        return capped(f"{name} {graphql_asked(body)}".rstrip())
    return name
