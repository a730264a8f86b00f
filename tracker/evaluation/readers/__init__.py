"""The benchmarks' layouts on disk, a reader for each.

Layouts and scoring are those of the got10k toolkit. Its readers are not used because they download
what is missing, and stop without a name at what is broken. These run on partial sets, list what is
missing, and name the file that cannot be read.
"""

from .absent import ABSENT
from .benchmark import Benchmark
from .dtb70 import DTB70
from .got10k import GOT10K_TEST, GOT10K_VAL
from .lasot import LASOT
from .nfs import NFS
from .otb import OTB
from .otb_lists import OTB50, OTB100, OTB2013
from .uav123 import UAV123
from .vot_st import VOT_ST

BENCHMARKS: dict[str, Benchmark] = {
    "otb": OTB,
    "otb2013": OTB2013,
    "otb50": OTB50,
    "otb100": OTB100,
    "uav123": UAV123,
    "got10k-val": GOT10K_VAL,
    "got10k-test": GOT10K_TEST,
    "lasot": LASOT,
    "nfs": NFS,
    "dtb70": DTB70,
    "vot-st": VOT_ST,
    "absent": ABSENT,
}
"""The benchmarks by name. A new one is an entry here, and a file beside this one."""
