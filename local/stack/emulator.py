"""Runs MiniStack with another interpreter for the functions than its own. Run by the Python of MiniStack's environment.

MiniStack starts a function with ``sys.executable``, so that is what is set.
"""

import sys

if __name__ == "__main__":
    sys.executable = sys.argv[1]
    sys.argv = ["ministack"]
    from ministack.app import main  # type: ignore[import-not-found] # it lives in an environment of its own

    main()
