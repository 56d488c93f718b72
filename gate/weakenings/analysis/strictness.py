"""For each tool's settings, the direction that weakens the check. A change to an unlisted setting always counts."""

from __future__ import annotations

import re

# Lists that hide more the longer they are, and lists that show more the longer they are.
HIDING_LISTS = {
    "flake8": {"ignore", "extend-ignore", "per-file-ignores", "exclude", "extend-exclude"},
    "ruff": {"exclude", "extend-exclude", "format.exclude", "lint.exclude", "lint.ignore", "lint.extend-ignore",
             "lint.external", "lint.per-file-ignores.*", "lint.extend-per-file-ignores.*", "lint.builtins",
             "builtins", "lint.allowed-confusables", "lint.task-tags", "lint.pydocstyle.ignore-decorators"},
    "mypy": {"exclude", "disable_error_code", "*.disable_error_code", "untyped_calls_exclude", "always_true",
             "always_false"},
    "pytest": {"norecursedirs", "collect_ignore", "doctest_optionflags"},
    "coverage": {"run.omit", "report.omit", "report.exclude_lines", "report.exclude_also", "report.partial_branches",
                 "report.partial_also", "run.disable_warnings"},
}  # fmt: skip
SHOWING_LISTS = {
    "ruff": {"lint.select", "lint.extend-select", "include", "extend-include", "lint.typing-modules"},
    "mypy": {"files", "packages", "modules", "enable_error_code", "*.enable_error_code", "plugins"},
    "pytest": {"testpaths", "python_files", "python_classes", "python_functions", "required_plugins"},
    "coverage": {"run.source", "run.source_pkgs", "run.include", "report.include", "run.plugins"},
}
PREFIXES = frozenset({"lint.select", "lint.extend-select", "lint.ignore", "lint.extend-ignore"})
"""Lists of ruff in which `E` selects every rule whose ID starts with it."""
# Switches that show more when on, and switches that show more when off.
STRICT_WHEN_ON = {
    "ruff": {"lint.preview", "preview"},
    "mypy": {
        "strict", "check_untyped_defs", "disallow_untyped_defs", "disallow_incomplete_defs",
        "disallow_untyped_calls", "disallow_untyped_decorators", "disallow_any_generics", "disallow_any_expr",
        "disallow_any_explicit", "disallow_any_decorated", "disallow_any_unimported", "disallow_subclassing_any",
        "no_implicit_optional", "strict_optional", "strict_equality", "strict_bytes", "warn_return_any",
        "warn_unused_ignores", "warn_redundant_casts", "warn_unreachable", "warn_no_return",
        "warn_unused_configs", "extra_checks", "local_partial_types", "no_implicit_reexport",
    },
    "pytest": {"xfail_strict", "strict", "strict_markers", "strict_config", "strict_parametrization_ids",
               "strict_xfail"},
    "coverage": {"run.branch"},
}  # fmt: skip
STRICT_WHEN_OFF = {
    "ruff": set(),
    "mypy": {"ignore_errors", "ignore_missing_imports", "implicit_optional", "implicit_reexport",
             "allow_untyped_globals", "allow_redefinition", "follow_imports_for_stubs", "exclude_gitignore"},
    "pytest": set(),
    "coverage": {"report.ignore_errors"},
}  # fmt: skip
LIMITS = {
    "line-length": (88, "E501"),
    "lint.pycodestyle.max-line-length": (88, "E501"),
    "lint.mccabe.max-complexity": (10, "C901"),
}
"""Limits of ruff that hide more the larger they are: the default, and the rule that uses it."""
# Changes that never hide a finding.
HARMLESS = {
    "ruff": re.compile(
        r"(?:format|lint\.isort)\..*|fix|unsafe-fixes|show-fixes|output-format|cache-dir|target-version"
        r"|required-version|lint\.(?:extend-)?(?:un)?(?:safe-|unsafe-)?fix(?:able|es)|indent-width|src"
    ),
    "mypy": re.compile(
        r"(?:.*\.)?(?:pretty|show_.*|color_output|error_summary|cache_dir|sqlite_cache|cache_fine_grained"
        r"|incremental|verbosity|python_executable|warn_incomplete_stub|hide_error_codes|num_workers|native_parser)"
    ),
    "pytest": re.compile(
        r"markers|log_.*|console_output_style|cache_dir|junit_.*|minversion|timeout.*|tmp_path_.*|faulthandler_.*"
        r"|verbosity_.*|truncation_.*|doctest_encoding|django_find_project|asyncio_(?:default|debug).*"
    ),
    "coverage": re.compile(
        r"(?:html|xml|json|lcov|paths)\..*|report\.(?:show_missing|skip_.*|sort|format)"
        r"|run\.(?:parallel|concurrency|context|dynamic_context|data_file|relative_files|timid|sigterm|debug|core)"
    ),
}
