"""The one place that knows the version; hatchling and the User-Agent read it."""

__version__ = "0.1.0"
