"""Where the weights that belong to the package lie."""

from __future__ import annotations

from pathlib import Path

SHIPPED = Path(__file__).parents[1] / "weights" / "rbsf.rbsf"
"""The packed RB-SF that comes with the package."""

SHIPPED_TEACHER = SHIPPED.with_name("siamfc.safetensors")
"""The full-precision teacher. A clone of the repository has it, a wheel does not."""
