"""List what an answer depends on outside of git: files and folders that change when the answer may."""

from __future__ import annotations

import os
import shutil
import sysconfig
from pathlib import Path

from gate.app.checking.request import Answer
from gate.environment import Environment
from gate.runner.untracked_files import brought_files


def stamped_paths(answer: Answer) -> list[str]:
    """Return the paths of the project's environment, gate's own code and tools, git's settings, and commands."""
    paths = [path for environment in answer.environments for path in environment.stamped_paths]
    paths += [str(path) for path in Path(__file__).parents[2].rglob("*.py")]
    # A project without tools of its own uses gate's.
    paths += [sysconfig.get_path("purelib"), sysconfig.get_path("platlib")]
    for environment in answer.environments:
        paths += [item.entry for item in environment.editables]
        for check in answer.settings:
            paths += _program(check.command[0], environment) if check.command else []
    away = str(answer.repository.work_tree or "")
    for pattern in {pattern for check in answer.settings for pattern in check.bring}:
        brought = [f"{away}/{path}" for path in brought_files(away, [pattern], ())]
        paths += [*brought, *(str(Path(path).parent) for path in [*brought, f"{away}/{pattern}"])]
    # Adding a file changes its folder.
    paths += {str(Path(path).parent) for path in paths if path.endswith(".py")}
    return list(dict.fromkeys([*paths, *_settings_of_git(answer)]))


def package_folders(answer: Answer) -> list[str]:
    """Return the folders of installed packages. No file in them may have changed since the check began."""
    folders = (str(path) for environment in answer.environments for path in environment.site_packages)
    return list(dict.fromkeys(folders))


def _settings_of_git(answer: Answer) -> list[str]:
    """Return git's settings files. For a staged change, add the files that these include: they may name the author."""
    home = os.environ.get("HOME", "")
    settings = os.environ.get("XDG_CONFIG_HOME") or f"{home}/.config"
    paths = [f"{home}/.gitconfig", f"{settings}/git/config", "/etc/gitconfig"]
    if answer.verdict.change.staged:
        origins = answer.repository.run("config", "--list", "--show-origin", "--name-only", "-z").split(b"\0")
        names = [
            os.fsdecode(origin.removeprefix(b"file:")) for origin in origins if origin.startswith(b"file:")
        ]
        paths += [str(answer.repository.git_dir / name) for name in names]
    return paths


def _program(name: str, environment: Environment) -> list[str]:
    """Return the program that a command starts, and the folders in which another of that name could take precedence."""
    folders = [str(environment.python.parent)] if environment.found else []
    folders += os.get_exec_path()
    program = shutil.which(name, path=os.pathsep.join(folders))
    if program is None or "/" in name:
        return folders
    return [*folders[: folders.index(str(Path(program).parent)) + 1], program]
