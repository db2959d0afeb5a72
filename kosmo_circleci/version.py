"""The one place that knows the version; hatchling and the User-Agent read it."""

__version__ = "1.0.0rc1"
