"""Validates *.sarif and *.cdx.json of a folder. Called by validate_formats.sh, which sees to the schemas.

Usage: validate_formats.py SARIF_SCHEMA FOLDER. Exit code 1 when a document is not valid, or when there is none of a kind.
"""

import json
import pathlib
import sys

import jsonschema
from cyclonedx.schema import SchemaVersion
from cyclonedx.validation.json import JsonStrictValidator


def sarif_faults(schema):
    validator = jsonschema.Draft7Validator(schema, format_checker=jsonschema.Draft7Validator.FORMAT_CHECKER)
    return lambda text: [f"{error.json_path}: {error.message}"[:400] for error in validator.iter_errors(json.loads(text))]


def cyclonedx_faults(text):
    error = JsonStrictValidator(SchemaVersion.V1_6).validate_str(text)
    return [] if error is None else [str(error)[:400]]


def main():
    schema, folder = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
    faults_of = {
        "*.sarif": sarif_faults(json.loads(schema.read_text(encoding="utf-8"))),
        "*.cdx.json": cyclonedx_faults,
    }
    wrong = 0
    for pattern, faults in faults_of.items():
        # A validator that takes anything would pass everything.
        if not faults('{"version": "2.1.0", "runs": [{"tool": 3}], "bomFormat": "none"}'):
            sys.exit(f"the validator for {pattern} accepts what is not valid")
        documents = sorted(folder.glob(pattern))
        if not documents:
            sys.exit(f"no {pattern} in {folder}; run the tests of the command first")
        for document in documents:
            found = faults(document.read_text(encoding="utf-8"))
            wrong += bool(found)
            print(f"{document.name}: {'valid' if not found else 'NOT VALID'}")
            for fault in found[:10]:
                print(f"  {fault}")
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
