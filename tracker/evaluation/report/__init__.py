"""What an evaluation found, as a page, figures and tables."""

from .runs import Run, markdown, print_table, write_report

__all__ = ["Run", "markdown", "print_table", "write_report"]
