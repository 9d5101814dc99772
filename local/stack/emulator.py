"""Start MiniStack so that it runs the functions with another interpreter than its own.

This file is run by the Python of MiniStack's environment, with the functions' interpreter as its argument. MiniStack
starts functions with ``sys.executable``, so that is set.
"""

import sys

if __name__ == "__main__":
    sys.executable = sys.argv[1]
    sys.argv = ["ministack"]
    from ministack.app import main  # type: ignore[import-not-found] # it lives in an environment of its own

    main()
