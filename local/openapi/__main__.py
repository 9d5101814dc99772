"""``python -m local.openapi [--check]``."""

import argparse
import json
import sys
from pathlib import Path

from local.openapi.document import document
from local.openapi.examples import load
from local.openapi.page import page
from local.openapi.routes import FUNCTIONS, ROOT


def files() -> dict[Path, str]:
    """Every file that is made from the routes, and what belongs in it."""
    found = document(load())
    text = json.dumps(found, indent=1, ensure_ascii=False) + "\n"
    return {
        ROOT / "docs" / "openapi.json": text,
        FUNCTIONS / "admin" / "openapi.json": text,
        FUNCTIONS / "admin" / "docs.html": page(found),
    }


def main() -> int:
    """Write the files, or with ``--check`` compare them. The exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.openapi", description="The OpenAPI document and its page.")
    parser.add_argument("--check", action="store_true", help="compare only; fail where a file is not what it should be")
    check = parser.parse_args().check
    made = files()
    stale = [path for path, text in made.items() if not path.exists() or path.read_text() != text]
    if check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the routes say; run make openapi", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(made[path])
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
