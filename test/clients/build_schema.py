"""Builds the schema from an introspection on standard input, as clients on graphql-core do, and runs its checks."""

import json
import sys

from graphql import build_client_schema, parse, validate, validate_schema

schema = build_client_schema(json.load(sys.stdin))
errors = validate_schema(schema) + validate(schema, parse("{ viewer { actor } queues(first: 1) { nodes { name } } }"))
for error in errors:
    print(error, file=sys.stderr)
print(f"{len(schema.type_map)} types, {len(errors)} errors")
sys.exit(1 if errors else 0)
