"""``python -m local.openapi [--check]``: write the OpenAPI document and its page, or compare them with the committed
files.
"""

import argparse
import json
import sys
from pathlib import Path

from local.openapi.document import document
from local.openapi.examples import load
from local.openapi.page import page
from local.openapi.routes import FUNCTIONS, ROOT


def files() -> dict[Path, str]:
    """Return every file that is made from the routes, with its proper content."""
    openapi = document(load())
    text = json.dumps(openapi, indent=1, ensure_ascii=False) + "\n"
    return {
        ROOT / "docs" / "openapi.json": text,
        FUNCTIONS / "admin" / "openapi.json": text,
        FUNCTIONS / "admin" / "docs.html": page(openapi),
    }


def main() -> int:
    """Write the files, or compare them if ``--check`` is given. Return the exit status."""
    parser = argparse.ArgumentParser(prog="python -m local.openapi", description="The OpenAPI document and its page.")
    parser.add_argument("--check", action="store_true", help="compare only; fail where a file is not what it should be")
    check = parser.parse_args().check
    expected = files()
    stale = [path for path, text in expected.items() if not path.exists() or path.read_text() != text]
    if check:
        for path in stale:
            print(f"{path.relative_to(ROOT)} is not what the routes say; run make openapi", file=sys.stderr)
        return 1 if stale else 0
    for path in stale:
        path.write_text(expected[path])
        print(path.relative_to(ROOT))
    return 0


if __name__ == "__main__":
    sys.exit(main())
