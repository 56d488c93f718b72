"""GitLab's dialect: sections with required counts and default owners, exclusions, and patterns like Ruby's
`File.fnmatch`.

Rules: https://docs.gitlab.com/user/project/codeowners/reference/ and
https://docs.gitlab.com/user/project/codeowners/advanced/
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field

from gate.codeowners.lines import column_of, lines_of, unmeant, without_pattern, words_of
from gate.codeowners.matcher import DEEP, Glob, Matcher, Pattern, glob_of
from gate.codeowners.rules import CodeOwners, Rule, Section
from gate.errors import Mistake
from gate.wording import number_in

HEAD = re.compile(r"(?P<optional>\^)?\[(?P<name>[^\]]*)\](?:\[(?P<count>[^\]]*)\])?(?P<rest>.*)", re.DOTALL)
ROLE = re.compile(r"(?<![\w@])@@(developer|maintainer|owner)s?(?![\w.@-])", re.IGNORECASE)
DEFAULTS = re.compile(r"[@\w.\-/\s]*", re.ASCII)
EMAIL = re.compile(r"(?<![\w.+@-])[\w.+-]+@[\w-]+(?:\.[\w-]+)+", re.ASCII)
NAME = re.compile(r"(?<![\w@.+-])@([\w](?:[\w.-]*[\w-])?(?:/[\w](?:[\w.-]*[\w-])?)*)", re.ASCII)
OWNER = re.compile(r"@{1,2}\w[\w./-]*", re.ASCII)
SENTENCES = {
    "missing_section_name": "a section needs a name: `[Documentation]`",
    "invalid_approval_requirement": "expected a number of approvals of at least 1, and none for an optional section",
    "invalid_section_format": "expected `[Name]`, `^[Name]` or `[Name][2]`, then a space and default owners",
    "invalid_section_owner_format": "expected default owners such as @group, @user, @@maintainer, or an email address",
    "malformed_entry_owner": "expected an owner (@user, @group, @@role, or an email address)",
    "missing_entry_owner": "this entry has no owner, and its section has no default ones",
}


@dataclass(frozen=True, slots=True)
class Head:
    """The header of a section.

    `approvals` is 0 if there is no valid number, `default_owners` is the text that names them, and `problems` are kinds
    of mistakes.
    """

    name: str
    optional: bool
    approvals: int
    default_owners: str
    problems: tuple[str, ...]

    @property
    def required(self) -> int:
        """The number of approvals that the section requires: 1 if the number is missing or invalid."""
        return max(self.approvals, 1)


@dataclass(slots=True)
class _Open:
    """A section that is still being parsed."""

    head: Head
    rules: list[Rule] = field(default_factory=list)
    patterns: list[Pattern] = field(default_factory=list)
    exclusions: dict[Pattern, None] = field(default_factory=dict)


def parse(data: bytes, file: str) -> CodeOwners:
    """Parse a CODEOWNERS file. Sections whose names differ only in case are merged."""
    current = _Open(Head("", optional=False, approvals=0, default_owners="", problems=()))
    sections: dict[str, _Open] = {"": current}
    mistakes: list[Mistake] = []
    for number, raw in lines_of(data):
        line = raw.strip()
        column = len(raw) - len(raw.lstrip()) + 1
        if not line or line.startswith("#"):
            continue
        if line.startswith(("[", "^[")):
            head = parse_head(line)
            if head is not None:
                mistakes += [Mistake(file, number, column, SENTENCES[problem]) for problem in head.problems]
                if head.name:
                    current = _joined(sections, head)
                continue
            mistakes.append(Mistake(file, number, column, SENTENCES["invalid_section_format"]))
            continue
        mistake = _entry(current, file, number, column, raw)
        if mistake is not None:
            mistakes.append(mistake)
    return CodeOwners(file, tuple(map(_closed, sections.values())), tuple(mistakes))


def _joined(sections: dict[str, _Open], head: Head) -> _Open:
    """Return the section that a header opens or continues. It is required if any header says so; the last default
    owners count.
    """
    key = head.name.casefold()
    existing = sections.get(key)
    if existing is None:
        sections[key] = _Open(head)
        return sections[key]
    existing.head = Head(
        existing.head.name,
        optional=existing.head.optional and head.optional,
        approvals=max(existing.head.approvals, head.approvals),
        default_owners=head.default_owners,
        problems=(),
    )
    return existing


def _closed(section: _Open) -> Section:
    rules = tuple(
        Rule(
            rule.file, rule.line, rule.column, section.head.name, rule.pattern, rule.owners,
            section.head.required, section.head.optional,
        )
        for rule in section.rules
    )  # fmt: skip
    exclusions = Matcher(tuple(section.exclusions)) if section.exclusions else None
    return Section(rules, Matcher(section.patterns), exclusions)


def _entry(section: _Open, file: str, number: int, column: int, line: str) -> Mistake | None:
    """Add a line to a section, and return the mistake in it, if any."""
    text, *words = words_of(line)
    if text.startswith("!"):
        section.exclusions[pattern_of(text[1:])] = None
        return None
    if lacking := without_pattern([text, *words], OWNER, f"/{text}"):
        return Mistake(file, number, column, lacking)
    if reason := unmeant(text):
        return Mistake(file, number, column + reason[0], reason[1])
    named = references(" ".join(words))
    owners = named if words else references(section.head.default_owners)
    section.rules.append(Rule(file, number, column, "", text, owners))
    parsed = pattern_of(text)
    section.patterns.append(parsed)
    # GitLab stores one entry per pattern, the latest: repeating a pattern cancels its exclusion.
    section.exclusions.pop(parsed, None)
    for position, word in enumerate(words, 1):
        if not references(word):
            message = f"{SENTENCES['malformed_entry_owner']}, got {word!r}"
            return Mistake(file, number, column_of(line, position), message)
    return None if owners else Mistake(file, number, column, SENTENCES["missing_entry_owner"])


def parse_head(line: str) -> Head | None:
    """Parse a section header and its problems. Returns None if the line isn't one."""
    match = HEAD.fullmatch(line.strip())
    if match is None:
        return None
    problems: list[str] = []
    name = match["name"]
    rest, _, _comment = match["rest"].partition(" #")
    owners = DEFAULTS.match(rest)
    named = owners[0].strip() if owners else ""
    approvals, problem = _count(match["count"], optional=bool(match["optional"]))
    if not name:
        problems.append("missing_section_name")
    elif problem:
        problems.append(problem)
    elif (rest.strip() and not rest.startswith((" ", "\t"))) or (owners and owners[0] != rest):
        problems.append("invalid_section_format")
    elif any(not references(word) for word in named.split()):
        problems.append("invalid_section_owner_format")
    return Head(name, bool(match["optional"]), approvals, named, tuple(problems))


def _count(text: str | None, *, optional: bool) -> tuple[int, str]:
    if text is None:
        return 0, ""
    number = re.fullmatch(r"\s*(\d+)(?:\s.*)?", text)
    approvals = (number_in(number[1]) or 0) if number else 0
    if re.fullmatch(r"\d+", text):
        return approvals, "invalid_approval_requirement" if optional or not approvals else ""
    if re.fullmatch(r"[\d ]*", text) and not text.startswith(" "):
        return approvals, "invalid_approval_requirement"
    return approvals, "invalid_section_format"


def references(text: str) -> tuple[str, ...]:
    """Return the owners named in a text, in order: users, groups, roles, and email addresses."""
    matches = [(m.start(), f"@@{m[1].lower()}") for m in ROLE.finditer(text)]
    matches += [(m.start(), m[0]) for m in EMAIL.finditer(text)]
    matches += [(m.start(), m[0]) for m in NAME.finditer(text)]
    return tuple(dict.fromkeys(owner for _, owner in sorted(matches)))


def pattern_of(text: str) -> Pattern:
    r"""Parse a pattern after GitLab's own preprocessing for `fnmatch`.

    `*` alone matches every file, a pattern without a leading `/` matches anywhere, and a trailing `/` matches
    everything below. `\#` and escaped whitespace are literals.
    """
    text = re.sub(r"\\\s+", " ", text.removeprefix("\\") if text.startswith("\\#") else text)
    if text == "*":
        text = "/**/*"
    if not text.startswith("/"):
        text = f"/**/{text}"
    if text.endswith("/"):
        text = f"{text}**/*"
    *folders, last = _split(text[1:])
    # `**` crosses folders only before a `/`; at the end it is a star like any other.
    segments = [DEEP if folder == DEEP else segment_of(folder) for folder in folders]
    return Pattern((*segments, segment_of(last)))


_EMPTY_SET = re.compile(r"[!^]?\]")


def _split(text: str) -> list[str]:
    """Split a pattern into segments. A slash inside a bracket expression belongs to the expression."""
    parts = [""]
    position = 0
    may_close = True
    while position < len(text):
        end = position + 1
        if text[position] == "[" and may_close:
            parsed = _set(text, end)
            # If one is never closed, no later one is either; searching again each time would take quadratic time.
            may_close = parsed is not None or _EMPTY_SET.match(text, end) is not None
            end = parsed[1] if parsed else end
        elif text[position] == "\\":
            end += 1
        if text[position] == "/":
            parts.append("")
        else:
            parts[-1] += text[position:end]
        position = end
    return parts


def segment_of(text: str) -> str | Glob:
    """Parse one segment like Ruby's `fnmatch`: `*`, `?`, `[set]`, and backslash escapes."""
    chars: list[str | None] = []
    plain, literal = True, ""
    position = 0
    while position < len(text):
        char = text[position]
        position += 1
        if char == "*":
            chars.append(None)
            plain = False
        elif char == "?":
            chars.append(".")
            plain = False
        elif char == "[":
            parsed = _set(text, position)
            if parsed is None:
                return Glob(r"(?!)")
            part, position = parsed
            chars.append(part)
            plain = False
        else:
            if char == "\\" and position < len(text):
                char = text[position]
                position += 1
            chars.append(re.escape(char))
            literal += char
    if plain:
        return literal
    suffix = text[1:] if re.fullmatch(r"\*[^*?\[\\]+", text) else ""
    return Glob(glob_of(chars), suffix)


def _set(text: str, position: int) -> tuple[str, int] | None:
    """Parse the bracket expression at `position`, and return it with its end, or None if it is never closed."""
    negated = text[position : position + 1] in {"!", "^"}
    position += negated
    members: list[str] = []
    while position < len(text):
        char = text[position]
        if char == "]":
            if not members:
                return None
            return f"[{'^' if negated else ''}{''.join(members)}]", position + 1
        low, position = _member(text, position)
        if text[position : position + 1] == "-" and text[position + 1 : position + 2] not in {"", "]"}:
            high, position = _member(text, position + 1)
            # Ruby reads a reversed range as its first member.
            members.append(f"{re.escape(low)}-{re.escape(high)}" if low <= high else re.escape(low))
        else:
            members.append(re.escape(low))
    return None


def _member(text: str, position: int) -> tuple[str, int]:
    if text[position] == "\\" and position + 1 < len(text):
        position += 1
    return text[position], position + 1
