"""The house's own checks: what import-linter, ruff, mypy and ESLint cannot know."""
