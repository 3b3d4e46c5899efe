"""The HTML report beside the CSV report.

The run's figures come in, or a finished CSV report; one self-contained HTML file goes
out. It is rendered in a subprocess, so that a run is not held up. Must not know the
scheduler or the download handler, and nothing but the commands and the fleet uses it.
"""
