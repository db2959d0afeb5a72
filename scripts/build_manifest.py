"""manifest.yaml -> manifest.json, validated. `--check` writes nothing, and fails when stale."""

import argparse
import difflib
import json
import sys
from pathlib import Path

import yaml

from kosmo_circleci.catalog.validate import ManifestError, parse

PACKAGE = Path(__file__).parent.parent / "kosmo_circleci"
SOURCE = PACKAGE / "manifest.yaml"
TARGET = PACKAGE / "manifest.json"


def built() -> str:
    """Return the JSON text of the YAML manifest; raises `ManifestError` for a contradiction."""
    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    raw = yaml.load(SOURCE.read_text("utf-8"), Loader=loader)
    parse(raw)
    return json.dumps(raw, ensure_ascii=False, separators=(",", ":")) + "\n"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="only say whether it is current")
    check = parser.parse_args().check
    try:
        text = built()
    except ManifestError as error:
        print(f"error: {error}", file=sys.stderr)
        return 1
    old = TARGET.read_text("utf-8") if TARGET.exists() else ""
    if old == text:
        return 0
    if check:
        before, after = (each.replace("},{", "},\n{").splitlines() for each in (old, text))
        changes = difflib.unified_diff(before, after, "committed", "built", lineterm="")
        sys.stdout.writelines(f"{line}\n" for line in changes)
        print("error: manifest.json is stale; run `make generate`", file=sys.stderr)
        return 1
    TARGET.write_text(text, "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
