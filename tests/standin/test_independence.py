"""The stand-in knows nothing of the product."""

import ast
import sys
from pathlib import Path

import pytest

from promos import standin

FILES = sorted(Path(standin.__file__).parent.glob("*.py"))


def imported(path):
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.ImportFrom):
            yield node.module
        elif isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)


@pytest.mark.parametrize("path", FILES, ids=lambda path: path.name)
def test_module_imports_the_standard_library_and_its_own(path):
    for name in imported(path):
        assert name.startswith("promos.standin") or name.split(".")[0] in sys.stdlib_module_names, name
