"""Policies for tests: one that uses every key, and mistakes with the message that each must cause."""

from __future__ import annotations

from typing import NamedTuple

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIPn2GkAt7LjNlGhDBGcCVHtsnbuMpE5PWUvGcZxkZ2fZ laptop"
WHOLE = f"""\
version: 1
repository: acme/shortener
python: .venv/bin/python
owners: {{dialect: gitlab}}
protect:
  main:
    kind: branch
    verdicts: ["@ci", "@ci"]
    require:
      owners: {{stale: owned}}
      approvals: 2
      seniority: {{authors: [junior], need: senior}}
      guarded: ["@acme/guardians"]
      checks: [names, docs]
      history: squash
  "release/*": {{require: {{owners: false, checks: [lint]}}}}
  staging: {{kind: environment, require: {{passed: [main]}}}}
  production:
    kind: environment
    require:
      passed: [main, staging]
      soaked: {{in: staging, for: 2d, healthy: up}}
      metric: [{{query: errors, below: 0.01}}, {{query: "up", above: 0}}]
      budget: {{minutes: 20, risk: 0.5, low: 5, downtime: down, incidents: incidents.jsonl}}
prometheus: http://localhost:9090/
people:
  "@nehemiah": {{role: senior, emails: [nehemiah@acme.example], keys: ["{KEY}"], github: nmonrose}}
  "@newhire": {{role: junior, senior: "@nehemiah", gitlab: new}}
teams:
  "@acme/guardians": ["@nehemiah"]
checks:
  tests: {{tool: pytest, timeout: 10m, memory: 1.5g, args: [-x]}}
  names: {{disable: [unexpected-keyword]}}
  docs: {{command: [sphinx-build, docs, "{{scratch}}"], timeout: 90s, env: [LANG], block: new, report: sarif}}
"""


class Case(NamedTuple):
    """A policy with a mistake, a part of its message, and whether a schema can detect it too."""

    text: str | bytes
    expected: str
    schema: bool = True


def require(text: str) -> str:
    """Return a policy in which main requires `text`."""
    return f"protect: {{main: {{require: {{{text}}}}}}}"


def release(text: str) -> str:
    """Return a policy in which the environment `live` requires `text`."""
    return f"protect: {{live: {{kind: environment, require: {{{text}}}}}}}"


MISTAKES = (
    Case(require("approvals: one"), "1:39: protect.main.require.approvals: expected a whole number, got \"one\""),
    Case(require("approvals: '1'"), 'expected a whole number, got "1"'),
    Case(require("approvals: -1"), "whole number"),
    Case(require("approvals: 1.5"), "whole number"),
    Case(require("approvals: 1.0"), "whole number", schema=False),
    Case(require("approvals: yes"), "whole number"),
    Case(require("approvals: [2]"), "approvals[0]: expected a mapping, got 2"),
    Case(require("approvals: [{path: [a]}]"), "did you mean `paths`?"),
    Case(require("approvals: [{paths: []}]"), "approvals[0].paths: expected at least one"),
    Case(require("approvals: [{paths: ['!a']}]"), "approvals[0].paths[0]: expected a pattern that does not begin"),
    Case(require("approvals: [{paths: ['a[0]']}]"), "expected a pattern with only `*`, `**`, and `?`", schema=False),
    Case(require("approvals: [{from: [boss]}]"), "expected a person, a team, or one of senior", schema=False),
    Case(require("approvals: [{need: 1}, {paths: [a]}]"), "approvals[1]: never applies: an earlier rule", schema=False),
    Case(require("owners: {need: 0}"), "owners.need: expected a whole number of at least 1"),
    Case(require("owners: {unowned: block}"), "expected one of allow, error"),
    Case(require("owners: {unowned: []}"), "expected at least one person or team"),
    Case(require("owners: {author: 1}"), "owners.author: expected true or false, got 1"),
    Case(require("approvals: 010"), "a whole number in plain digits, got 010", schema=False),
    Case(require("approvals: 0o10"), "whole number"),
    Case(require("approvals: 1:30"), "whole number", schema=False),
    Case(require(f"approvals: {'9' * 5000}"), "whole number", schema=False),
    Case(require("approvals: {enforce: false}"), "protect.main.require.approvals: expected `need` beside `enforce`"),
    Case(require("approvals: {need: 1, enforce: no}"), "approvals.enforce: expected true or false", False),
    Case(require("approvals: [{need: 1, enforce: no}]"), "write `approvals: {rules: [...], enforce: false}`"),
    Case(require("guarded: {from: nobody}"), "expected a list"),
    Case("protect: {main: {enforce: maybe}}", "protect.main.enforce: expected true or false"),
    Case("checks: {lint: {enforce: 1}}", "checks.lint.enforce: expected true or false"),
    Case(require("owner: {}"), "did you mean `owners`?"),
    Case(require("owners: yes"), "protect.main.require.owners: expected a mapping", schema=False),
    Case(require("owners: {stale: never}"), "one of change, owned, head, hunks"),
    Case(require("seniority: {authors: [king]}"), "authors[0]: expected one of senior, member"),
    Case(require("guarded: [nobody]"), "guarded[0]: expected a person or a team"),
    Case(require("guarded: true"), "expected a list, got true"),
    Case("protect: {main: {verdicts: [ci]}}", "protect.main.verdicts[0]: expected a person or a team"),
    Case("protect: {main: {verdicts: true}}", "protect.main.verdicts: expected a list, got true"),
    Case(require("checks: [names, lnit]"), '1:44: protect.main.require.checks[1]: there is no check "lnit"', False),
    Case(require("checks: "), "expected a list, got nothing; write [] for an empty one"),
    Case(require("guarded: "), "expected a list, got nothing"),
    Case("protect: {main: {verdicts: }}", "expected a list, got nothing"),
    Case("people: {'@a': {github: '@a'}}", "people.@a.github: expected the login on github", schema=False),
    Case(
        "people: {'@a': {}}\nteams: {'@t/a': ['@a'], '@t/b': ['@t/a']}",
        "2:34: teams.@t/b[0]: @t/a is a team, and a team lists people only",
        schema=False,
    ),
    Case(require("checks: names"), 'expected a list, got "names"'),
    Case("protect: [main]", "expected a mapping, got a list"),
    Case("protect: {main: {kind: tag}}", "expected one of branch"),
    Case("protect: {main: {require: {passed: [main]}}}", "applies only to `kind: environment`", schema=False),
    Case(require("history: linear"), "expected one of any, squash"),
    Case(release("history: squash"), "applies only to `kind: branch`", schema=False),
    Case(release("passed: [mian]"), 'there is no "mian" in `protect`', schema=False),
    Case(release("soaked: {for: 2d}"), "expected `in`, an environment"),
    Case(release("soaked: {in: live}"), "expected `for`, a time"),
    Case(release("soaked: true"), "expected a mapping, got true"),
    Case(release("soaked: {in: live, for: soon}"), "a time such as"),
    Case(release("metric: [{query: up}]"), "expected a `query`, and a limit: `below` or `above`"),
    Case(release("metric: [{below: 1}]"), "expected a `query`, and a limit: `below` or `above`"),
    Case(release("metric: [{query: up, below: few}]"), "a number such as 20 or 0.5"),
    Case(release("budget: {minutes: -1}"), "expected minutes, 0 or more"),
    Case("prometheus: localhost", "an address such as http://localhost:9090"),
    Case("prometheus: http://me:secret@localhost", "an address such as http://localhost:9090"),
    Case("protect: {refs/heads/main: {}}", "expected the short name of a branch, such as `main`"),
    Case("protect: {'': {}}", "expected the short name of a branch"),
    Case("protect: {'two words': {}}", "expected the short name of a branch"),
    Case("chekcs: {}", "did you mean `checks`?"),
    Case("1: 2", "unknown key"),
    Case("version: 2", "expected 1"),
    Case("version:", "expected a whole number, got nothing"),
    Case("repository: [a]", "repository: expected text, got a list"),
    Case("python:", "python: expected text, got nothing"),
    Case("- a", "1:1: expected a mapping"),
    Case("a: [", "expected YAML", schema=False),
    Case("protect:\n\tmain: {}\n", "2:1: expected YAML: lines must be indented with spaces", schema=False),
    Case("version: 1\n---\nversion: 1\n", "2:1: expected YAML", schema=False),
    Case("version: 1\nrepository: a\0b\n", "2:14: expected text, got the control character 0x00", schema=False),
    Case("repository: &x 1\npython: *x", "2:9: aliases", schema=False),
    Case("repository: !!binary YWE=", "1:13: tags", schema=False),
    Case("repository: !!python/object/apply:os.getcwd []", "tags", schema=False),
    Case("[" * 90_000, "nested too deeply", schema=False),
    Case("- " * 90_000, "nested too deeply", schema=False),
    Case("\n".join(" " * depth + "a:" for depth in range(500)), "nested too deeply", schema=False),
    Case(f"repository: {'x' * 3_000_000}", "too large", schema=False),
    Case("checks: {x: {}}", "expected a `tool`", schema=False),
    Case("checks: {x: {tool: command}}", "expected a `tool`", schema=False),
    Case("checks: {x: {command: []}}", "a command and its arguments"),
    Case("checks: {x: {command: make docs}}", "checks.x.command: expected a list"),
    Case("checks: {lint: {tool: ruff, command: [ruff]}}", "a `tool` or a `command`, got both", schema=False),
    Case("checks: {lint: {timeout: 10 parsecs}}", "a time such as"),
    Case("checks: {lint: {timeout: 0}}", "a time such as"),
    Case("checks: {lint: {timeout: 1:30}}", "a time such as", schema=False),
    Case("checks: {lint: {timeout: 25h}}", "a time such as", schema=False),
    Case("checks: {lint: {memory: 2}}", "a size such as 500m or 2g"),
    Case("checks: {lint: {memory: 10 elephants}}", "a size such as"),
    Case("checks: {lint: {memory: 0g}}", "a size such as", schema=False),
    Case("checks: {lint: {tool: rust}}", "one of names, ruff"),
    Case("checks: {lint: {report: sarif}}", "`report` applies only to command", schema=False),
    Case("checks: {lint: {disable: [undefined-name]}}", "`disable` applies only to names", schema=False),
    Case("checks: {names: {disable: [undefined-nmae]}}", "; did you mean `undefined-name`?", schema=False),
    Case("checks: {lint: {tool: ruff}, lint: {}}", "given twice", schema=False),
    Case("checks: {9lives: {}}", "expected a name of letters"),
    Case("people: {nobody: {}}", "a name such as @someone"),
    Case('people: {"@*": {}}', "without spaces or wildcards"),
    Case('people: {"@a": {role: king}}', "one of senior, member, junior, bot"),
    Case('people: {"@a": {senior: "@b"}}', "1:25: people.@a.senior: @b is not in `people`", schema=False),
    Case('people: {"@a": {keys: [nonsense]}}', "a public SSH key", schema=False),
    Case('people: {"@a": {keys: ["ssh-ed25519 AAAA x"]}}', "truncated or mistyped", schema=False),
    Case(f'people: {{"@a": {{keys: ["ssh-rsa {KEY.split()[1]}"]}}}}', "expected a plain ssh-rsa key", schema=False),
    Case(
        f'people: {{"@a": {{keys: ["{KEY}"]}}, "@b": {{keys: ["{KEY.split()[0]} {KEY.split()[1]} other"]}}}}',
        "people.@b.keys[0]: also belongs to @a",
        schema=False,
    ),
    Case('people: {"@a": {emails: [""]}}', "expected an email address"),
    Case('people: {"@a": {emails: ["A <a@b.c>"]}}', "expected an email address"),
    Case('people: {"@a": {emails: ["a@b.c "]}}', "expected an email address"),
    Case('people: {"@a": {emails: [x@y.z]}, "@b": {emails: [X@y.z]}}', "1:51: people.@b.emails[0]: also belongs to @a",
         schema=False),
    Case('people: {"@a": {}, "@A": {}}', "given twice", schema=False),
    Case('teams: {"@t": ["@a"]}', "@a is not in `people`", schema=False),
    Case('teams: {t: []}', "a name such as @org/team"),
    Case('teams: {"@t": [], "@T": []}', "given twice, in another case", schema=False),
    Case('people: {"@a": {}}\nteams: {"@A": []}', "is a person in `people` as well", schema=False),
    Case("owners: {dialect: svn}", "one of github"),
    Case(b"\xff\xfe", "UTF-8", schema=False),
    Case("version: 1\nrepository: caf\xe9".encode("latin-1"), "2:1: expected UTF-8 text", schema=False),
)  # fmt: skip
