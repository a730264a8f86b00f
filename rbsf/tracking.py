"""The package `tracker` under a name that no file of yours can hide.

Many projects have a `tracker.py`, and Python then finds that file first. `rbsf.Tracker` works all
the same, because this module finds the folder `tracker/` that was installed beside `rbsf/`. If
`import tracker` means that folder, this module is the very same package. Otherwise it loads the
package as `rbsf.tracking`, which is possible because the package's own imports are relative.
"""

import importlib
import importlib.util
import sys
from pathlib import Path

_FOLDER = Path(__file__).resolve().parents[1] / "tracker"

__path__ = [str(_FOLDER)]


def _is_ours() -> bool:
    """Whether `import tracker` finds the package beside this one."""
    try:
        spec = importlib.util.find_spec("tracker")
    except (ImportError, ValueError):  # a module of that name is broken or half imported
        return False
    origin = spec.origin if spec else None
    return origin is not None and Path(origin).resolve().parent == _FOLDER


if _is_ours():
    sys.modules[__name__] = importlib.import_module("tracker")
else:
    _loop = importlib.import_module(f"{__name__}.loop")
    globals().update({name: getattr(_loop, name) for name in _loop.__all__})
