"""Where the weights that belong to the package lie."""

from __future__ import annotations

from pathlib import Path

_WEIGHTS = Path(__file__).parents[1] / "weights"

SHIPPED = _WEIGHTS / "rbsf_box.rbsf"
"""The packed network that tracks if no other is named: a 1-bit backbone with a box head."""

SHIPPED_RBSF = _WEIGHTS / "rbsf.rbsf"
"""The packed RB-SF, the paper's tracker."""

SHIPPED_TEACHER = _WEIGHTS / "siamfc.safetensors"
"""The full-precision teacher. A clone of the repository has it, a wheel does not."""

NAMES = {"rbsf_box": SHIPPED, "rbsf": SHIPPED_RBSF}
"""The networks that can be loaded by their names."""
