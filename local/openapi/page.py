"""The OpenAPI document as one HTML page: no script, no external resources, readable on a phone and in dark mode."""

import json
import re
import shlex
import string
from collections.abc import Iterable, Iterator
from html import escape
from pathlib import Path
from typing import Any, Final

from local.openapi.fields import Field, fields, kind, resolved

type Json = dict[str, Any]

STYLE: Final = Path(__file__).with_name("page.css")


def page(document: Json) -> str:
    """Return the HTML page of an OpenAPI document."""
    info, tags = document["info"], document["tags"]
    title = escape(info["title"])
    return "\n".join(
        [
            '<!doctype html><html lang="en"><head><meta charset="utf-8">',
            '<meta name="viewport" content="width=device-width, initial-scale=1">',
            f"<title>{title}</title>",
            f"<style>\n{STYLE.read_text()}</style></head><body>",
            f"<header><h1>{title}</h1>",
            *(f"<p>{_prose(part)}</p>" for part in info["description"].split("\n\n")),
            '<p>The same as an <a href="openapi.json">OpenAPI document</a>.</p></header>',
            '<nav aria-label="Routes">',
            *(_contents(document, tag["name"]) for tag in tags),
            "</nav><main>",
            *(line for tag in tags for line in _section(document, tag)),
            *_headers(document["components"]["headers"]),
            *_errors(document["components"]["responses"]),
            "</main></body></html>\n",
        ]
    )


def operations(document: Json) -> Iterator[tuple[str, str, Json]]:
    """Yield the method, path and description of every route."""
    for path, operations_of_path in document["paths"].items():
        for method, operation in operations_of_path.items():
            yield method.upper(), path, operation


def _operations_tagged(document: Json, tag: str) -> Iterator[tuple[str, str, Json]]:
    return (operation for operation in operations(document) if tag in operation[2]["tags"])


def _contents(document: Json, tag: str) -> str:
    links = (
        f'<li><a href="#{operation["operationId"]}"><code>{method} {escape(path)}</code></a></li>'
        for method, path, operation in _operations_tagged(document, tag)
    )
    return f"<h4>{escape(tag)}</h4><ul>{''.join(links)}</ul>"


def _section(document: Json, tag: Json) -> Iterator[str]:
    yield f"<section><h2>{escape(tag['name'])}</h2><p>{_prose(tag['description'])}</p>"
    for method, path, operation in _operations_tagged(document, tag["name"]):
        yield from _article(document, method, path, operation)
    yield "</section>"


def _article(document: Json, method: str, path: str, operation: Json) -> Iterator[str]:
    yield f'<article id="{operation["operationId"]}">'
    yield f'<h3><span class="method">{method}</span> {escape(path)}</h3>'
    needs_key = operation.get("security") != []
    about = [operation["summary"] + ".", operation.get("description", ""), "" if needs_key else "It needs no key."]
    yield f"<p>{_prose(' '.join(part for part in about if part))}</p>"
    if parameters := operation.get("parameters"):
        yield "<h4>Parameters</h4>"
        yield _table(("Name", "Type", "About"), (_parameter(document, parameter) for parameter in parameters))
    ok = operation["responses"]["200"]
    media, answer = next(iter(ok["content"].items()))
    yield f"<h4>Example</h4><pre>{escape(curl(method, path, operation))}</pre>"
    example = answer["example"]
    shown = example if isinstance(example, str) else json.dumps(example, indent=2, ensure_ascii=False)
    yield f"<h4>Answer ({', '.join(map(escape, ok['content']))})</h4><pre>{escape(shown)}</pre>"
    if media == "application/json" and (rows := list(fields(document, answer["schema"]))):
        yield "<details><summary>Fields of the answer</summary>"
        yield _table(("Name", "Type", "About"), map(_field, rows)) + "</details>"
    yield "<h4>Statuses</h4><ul>"
    yield "".join(f"<li>{status} {_status(document, answer)}</li>" for status, answer in operation["responses"].items())
    yield "</ul></article>"


def curl(method: str, path: str, operation: Json) -> str:
    """Return the curl command that sends the operation's example. $HTTP is the host's address, $KEY an API key."""
    parts = ["curl"]
    if method != "GET":
        parts += ["-X", method]
    if operation.get("security") != []:
        header = "Authorization: Bearer" if "Polygon-compatible" in operation["tags"] else "X-Api-Key:"
        parts += ["-H", f'"{header} $KEY"']
    if "requestBody" in operation:
        body = json.dumps(operation["requestBody"]["content"]["application/json"]["example"])
        parts += ["-H", '"Content-Type: application/json"', "-d", shlex.quote(body)]
    shown = [parameter for parameter in operation.get("parameters", []) if "example" in parameter]
    values = {parameter["name"]: str(parameter["example"]) for parameter in shown}
    address = re.sub(r"\{(\w+)\}", lambda match: values[match[1]], path)
    query = "&".join(f"{item['name']}={values[item['name']]}" for item in shown if item["in"] == "query")
    return " ".join([*parts, f'"$HTTP{address}{"?" if query else ""}{query}"'])


def _parameter(document: Json, parameter: Json) -> tuple[str, str, str]:
    schema = resolved(document, parameter["schema"])
    bounds = [f"{phrase} {schema[name]}" for name, phrase in _BOUNDS.items() if name in schema]
    default = [f"default {parameter['schema']['default']}"] if "default" in parameter["schema"] else []
    presence = ["in the path"] if parameter["in"] == "path" else ["required"] if parameter["required"] else []
    facts = ", ".join([*presence, *bounds, *default])
    text = _prose(parameter.get("description", ""))
    about = f'{text} <span class="about">{escape(facts)}</span>' if facts else text
    return f"<code>{escape(parameter['name'])}</code>", escape(kind(document, parameter["schema"])), about


_BOUNDS: Final = {"minimum": "at least", "maximum": "at most", "maxLength": "characters at most"}


def _field(field: Field) -> tuple[str, str, str]:
    return f"<code>{escape(field.name)}</code>", escape(field.kind), _prose(field.about)


def _status(document: Json, answer: Json) -> str:
    text = _prose(resolved(document, answer)["description"])
    name = answer.get("$ref", "").rpartition("/")[2]
    return f'<a href="#{name}">{text}</a>' if name else text


def _headers(headers: Json) -> Iterator[str]:
    yield "<section><h2>Headers of answers</h2><p>Those that an answer has nothing to say in are left out.</p>"
    rows = (
        (f"<code>{name}</code>", _prose(header["description"]), f"<code>{escape(str(header['example']))}</code>")
        for name, header in headers.items()
    )
    yield _table(("Name", "About", "Example"), rows) + "</section>"


def _errors(answers: Json) -> Iterator[str]:
    yield "<section><h2>Errors</h2><p>Problem details on Dekr's routes, Polygon's own errors on Polygon's.</p>"
    for name, answer in answers.items():
        (media, content), *_ = answer["content"].items()
        shown = escape(json.dumps(content["example"], indent=2))
        yield f'<h4 id="{name}">{name.lstrip(string.ascii_letters)} as {media}</h4><p>{_prose(answer["description"])}</p>'
        yield f"<pre>{shown}</pre>"
    yield "</section>"


def _table(heads: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    """Return an HTML table. The cells are HTML already."""
    head = "".join(f"<th>{text}</th>" for text in heads)
    body = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>\n" for row in rows)
    return f'<div class="wide"><table><thead><tr>{head}</tr></thead><tbody>\n{body}</tbody></table></div>'


def _prose(text: str) -> str:
    """Return a sentence as HTML, with `code` in backticks marked up."""
    return re.sub(r"`([^`]+)`", r"<code>\1</code>", escape(text))
