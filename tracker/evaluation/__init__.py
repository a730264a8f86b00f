"""Measuring trackers on benchmarks: data sets, metrics, the run itself and its report."""
