"""The tracker inside the got10k toolkit: python examples/in_got10k.py GOT10K_FOLDER RESULTS_FOLDER

The toolkit runs the tracker on the validation split and reports with its own metrics.
Needs the extra `evaluate`: pip install 'rbsf[evaluate]'
"""

import sys

from got10k.experiments import ExperimentGOT10k

import rbsf
from tracker.evaluation.toolkits import got10k_tracker

root, results = sys.argv[1:3]
experiment = ExperimentGOT10k(root, subset="val", result_dir=results, report_dir=results)
tracker = got10k_tracker(rbsf.load_embedder())
experiment.run(tracker, visualize=False)
print(f"wrote {results}/GOT-10k/{tracker.name}")
