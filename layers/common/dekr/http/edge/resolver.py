"""Powertools' resolver, cut down to what the service's routes use: matching, validation by pydantic and exception handlers.

HEAD is taken for GET (RFC 9110, section 9.3.2), and a slash at the end of a path for none.

Left out is what Powertools does on every request for features that no route here has, two thirds of its time: parameters in
headers and cookies, middlewares, dependencies, and validation of an answer that is finished text.
"""

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, override

from aws_lambda_powertools.event_handler import APIGatewayHttpResolver, Response
from aws_lambda_powertools.event_handler.api_gateway import ResponseBuilder, Route
from aws_lambda_powertools.event_handler.exceptions import NotFoundError
from aws_lambda_powertools.event_handler.middlewares.openapi_validation import (
    OpenAPIRequestValidationMiddleware,
    _get_multi_value_query_params,
    _is_or_contains_sequence,
    _normalize_multi_params,
    _request_body_to_args,
)
from aws_lambda_powertools.event_handler.openapi.compat import ModelField, get_missing_field_error
from aws_lambda_powertools.event_handler.openapi.exceptions import RequestValidationError
from aws_lambda_powertools.utilities.data_classes import APIGatewayProxyEventV2

from dekr.errors import MethodNotAllowed
from dekr.http.edge.addresses import normal
from dekr.http.edge.headers import as_event

if TYPE_CHECKING:
    from aws_lambda_powertools.utilities.typing import LambdaContext


class Request(APIGatewayProxyEventV2):
    """An HTTP API event as the resolver reads it; headers and cookies seem empty, because no route takes parameters from them."""

    @property
    @override
    def http_method(self) -> str:
        method: str = self._data["requestContext"]["http"]["method"]
        return "GET" if method == "HEAD" else method

    @property
    @override
    def path(self) -> str:
        path: str = self._data["rawPath"]
        return path if self._data["requestContext"]["stage"] == "$default" else normal(super().path)

    @property
    @override
    def resolved_headers_field(self) -> dict[str, Any]:
        return {}

    @property
    @override
    def resolved_cookies_field(self) -> dict[str, str]:
        return {}


class Resolver(APIGatewayHttpResolver):
    """The resolver of one function. Its routes return a Response whose body is text, and take parameters from the path, the
    query and a JSON body only; one that declares others fails at its first request. ``admit`` is called with the route of each
    request before anything else of it is looked at, and may raise.
    """

    def __init__(self, admit: Callable[[Route], None]) -> None:
        super().__init__(enable_validation=True)
        self._admit = admit
        self._bodies = OpenAPIRequestValidationMiddleware()  # type: ignore[no-untyped-call] # as it is

    @override
    def resolve(self, event: Mapping[str, Any], context: "LambdaContext") -> dict[str, Any]:
        """Answer an HTTP API event (payload 2.0, a dict). Raises NotFoundError for an address without a route, MethodNotAllowed."""
        assert isinstance(event, dict), "Lambda's runtime hands over a dict"
        # Powertools sets these on its class, which empties Python's attribute caches each time: 5 % of a hit.
        self.current_event, self.lambda_context = Request(event), context
        try:
            return as_event(self._resolve().response)
        finally:
            self.context.clear()

    @override
    def _resolve(self) -> ResponseBuilder[Any]:
        """Call the route of the request. Raises NotFoundError for an address without one, MethodNotAllowed."""
        event = self.current_event
        method, path = event.http_method, event.path
        others: set[str] = set()
        # A path that is written out goes before one with a variable, with all methods that it has: so does API Gateway.
        for routes in (self._static_routes, self._dynamic_routes):
            for route in routes:
                found = route.rule.match(path)
                if found and route.method == method:
                    self.context["_route"] = route
                    return self._call_route(route, found.groupdict())
                if found:
                    others.add(route.method)
            if others:
                break
        if others:
            raise MethodNotAllowed(sorted(others | {"OPTIONS"} | ({"HEAD"} if "GET" in others else set())))
        raise NotFoundError

    @override
    def _call_route(self, route: Route, route_arguments: dict[str, str]) -> ResponseBuilder[Any]:
        if not route._middleware_stack_built:  # noqa: SLF001 - the seam at which a route's own call is put in
            route._middleware_stack = self._validated(route)  # noqa: SLF001 - that seam
            route._middleware_stack_built = True  # noqa: SLF001 - that seam
        try:
            return ResponseBuilder(route._middleware_stack(route_arguments), route=route)  # noqa: SLF001 - that seam
        except Exception as error:
            # As in Powertools' own method: the edge has registered an answer to each error.
            answer = self._call_exception_handler(error, route)
            if answer is None:
                raise
            return answer

    def _validated(self, route: Route) -> Callable[[Mapping[str, str]], Response[str]]:
        """A function that takes the path's parameters, validates all parameters and calls the route's own function with them."""
        dependant, function = route.dependant, route.func
        other = route.middlewares or dependant.header_params or dependant.cookie_params
        assert not other, f"{route.path} takes what this resolver leaves out"
        takes_a_list = any(_is_or_contains_sequence(each.field_info.annotation) for each in dependant.body_params)
        always = any(parameter.required for parameter in dependant.query_params)

        def call(arguments: Mapping[str, str]) -> Response[str]:
            self._admit(route)
            values: dict[str, Any] = {}
            errors = _take("path", dependant.path_params, arguments, values)
            event = self.current_event
            sent = event.resolved_query_string_parameters
            if sent or always:
                several = _get_multi_value_query_params(event)
                _normalize_multi_params(sent, dependant.query_params, multi_value_params=several)
                errors += _take("query", dependant.query_params, sent, values)
            if dependant.body_params:
                sent_body = self._bodies._get_body(self)  # noqa: SLF001 - reads JSON alone
                if isinstance(sent_body, list) and not takes_a_list:
                    # Powertools takes the first item of a list for all of it where a route's body is an object.
                    sent_body = [sent_body]
                body, wrong = _request_body_to_args(dependant.body_params, sent_body)
                values.update(body)
                errors += wrong
            if errors:
                raise RequestValidationError(errors)
            response: Response[str] = function(**values)
            return response

        return call


def _take(
    place: str, parameters: list[ModelField], sent: Mapping[str, Any], values: dict[str, Any]
) -> list[dict[str, Any]]:
    """Put the values of the parameters that were sent among ``values``; for the others the function has its own. Returns
    what is wrong with them.
    """
    errors: list[dict[str, Any]] = []
    for parameter in parameters:
        name = parameter.alias
        value = sent.get(name)
        if value is not None:
            values[parameter.name], wrong = parameter.validate(value, loc=(place, name))
            errors += wrong or ()
        elif parameter.required:
            errors.append(get_missing_field_error((place, name)))
    return errors
