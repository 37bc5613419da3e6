"""`python -m d2l_attention.distributed --workers 2 PROGRAM`: see `launch`."""

import sys

from d2l_attention.distributed import launch

if __name__ == "__main__":
    sys.exit(launch.main())
