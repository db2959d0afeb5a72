"""The rules: what each one looks for in an evaluated script."""
