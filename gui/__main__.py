"""`python -m gui`: checks the system libraries, then opens the window."""

from __future__ import annotations

import sys

from gui.system_check import require_libraries

if __name__ == "__main__":
    require_libraries(sys.argv[1:])
    from gui.app import main

    sys.exit(main(sys.argv[1:]))
