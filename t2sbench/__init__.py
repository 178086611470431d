"""Python interface of t2sbench: ``import t2sbench as t2s``.

Nothing heavy is imported before it is used. Errors that a user can correct are
:class:`T2SBenchError`.

Example:
    >>> import t2sbench as t2s
    >>> t2s.run("single-best", tasks=["USPS"], seeds=[0])
    Results: 1 cells, 0 failed
"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from benchmark.core.errors import T2SBenchError
    from benchmark.executors.interface import Placement
    from benchmark.methods import Mixture
    from benchmark.tasks.prepare import prepare
    from t2sbench.backbones import Pretrained, evaluate, pretrain
    from t2sbench.boards import BoardFiles, SiteFiles, build_boards, build_site, verify_boards
    from t2sbench.descriptions import describe
    from t2sbench.display import Picture, Rows
    from t2sbench.exhibits import measure_paper, paper
    from t2sbench.folders import Comparison, compare, load_results, report, retry, status
    from t2sbench.images import embed, render
    from t2sbench.listings import (
        methods,
        networks,
        profiles,
        protocols,
        recipes,
        simulators,
        sources,
        tables,
        tasks,
    )
    from t2sbench.models import Model, fit, load_model
    from t2sbench.planning import measure_costs, plan_table
    from t2sbench.recommendations import Recommendation, recommend
    from t2sbench.results import Ranking, Results, cross_seeds, run, score
    from t2sbench.rewards import (
        BuiltTable,
        ComparedEffects,
        Proxies,
        Table,
        TableEffects,
        build_table,
        compare_effects,
        effects,
        import_table,
        ladder,
        load_table,
        proxy,
    )

    __version__: str

__all__ = [
    "BoardFiles",
    "BuiltTable",
    "ComparedEffects",
    "Comparison",
    "Mixture",
    "Model",
    "Picture",
    "Placement",
    "Pretrained",
    "Proxies",
    "Ranking",
    "Recommendation",
    "Results",
    "Rows",
    "SiteFiles",
    "T2SBenchError",
    "Table",
    "TableEffects",
    "__version__",
    "build_boards",
    "build_site",
    "build_table",
    "compare",
    "compare_effects",
    "cross_seeds",
    "describe",
    "effects",
    "embed",
    "evaluate",
    "fit",
    "import_table",
    "ladder",
    "load_model",
    "load_results",
    "load_table",
    "measure_costs",
    "measure_paper",
    "methods",
    "networks",
    "paper",
    "plan_table",
    "prepare",
    "pretrain",
    "profiles",
    "protocols",
    "proxy",
    "recipes",
    "recommend",
    "render",
    "report",
    "retry",
    "run",
    "score",
    "simulators",
    "sources",
    "status",
    "tables",
    "tasks",
    "verify_boards",
]

_MODULES = {
    "Mixture": "benchmark.methods",
    "prepare": "benchmark.tasks.prepare",
    **dict.fromkeys(("Pretrained", "evaluate", "pretrain"), "t2sbench.backbones"),
    **dict.fromkeys(
        ("BoardFiles", "SiteFiles", "build_boards", "build_site", "verify_boards"),
        "t2sbench.boards",
    ),
    "describe": "t2sbench.descriptions",
    "Placement": "benchmark.executors.interface",
    "T2SBenchError": "benchmark.core.errors",
    **dict.fromkeys(("Picture", "Rows"), "t2sbench.display"),
    **dict.fromkeys(("embed", "render"), "t2sbench.images"),
    **dict.fromkeys(
        (
            "methods",
            "networks",
            "profiles",
            "protocols",
            "recipes",
            "simulators",
            "sources",
            "tables",
            "tasks",
        ),
        "t2sbench.listings",
    ),
    **dict.fromkeys(
        ("Comparison", "compare", "load_results", "report", "retry", "status"), "t2sbench.folders"
    ),
    **dict.fromkeys(("Model", "fit", "load_model"), "t2sbench.models"),
    **dict.fromkeys(("measure_paper", "paper"), "t2sbench.exhibits"),
    **dict.fromkeys(("measure_costs", "plan_table"), "t2sbench.planning"),
    **dict.fromkeys(("Recommendation", "recommend"), "t2sbench.recommendations"),
    **dict.fromkeys(("Ranking", "Results", "cross_seeds", "run", "score"), "t2sbench.results"),
    **dict.fromkeys(
        (
            "BuiltTable",
            "ComparedEffects",
            "Proxies",
            "Table",
            "TableEffects",
            "build_table",
            "compare_effects",
            "effects",
            "import_table",
            "ladder",
            "load_table",
            "proxy",
        ),
        "t2sbench.rewards",
    ),
}

_ROOT = os.path.dirname(os.path.dirname(__file__))  # noqa: PTH120 - pathlib costs start-up time


def _check_import_path() -> None:
    """Check that the other packages of t2sbench are imported from the folder that holds this one.

    Raises:
        ImportError: When another folder of that name comes first on the import path, or when
            files of an installation are missing.
    """
    for name in ("benchmark", "baselines", "task2sim", "taskonomy"):
        found = _place(name)
        wanted = os.path.join(_ROOT, name, "__init__.py")  # noqa: PTH118
        if found == wanted or (found and os.path.realpath(found) == os.path.realpath(wanted)):
            continue
        if found:
            message = (
                f"Python finds the package '{name}' in {os.path.dirname(found)}, "  # noqa: PTH120
                f"before the one of t2sbench in {_ROOT}. Run from another folder, rename that "
                "folder, or install t2sbench in a virtual environment of its own."
            )
        else:
            message = (
                f"The installation of t2sbench lacks {wanted}. Another package with such a folder "
                "may have been removed. Run: pip install --force-reinstall --no-deps t2sbench"
            )
        if os.path.basename(sys.argv[0]) in {"t2sbench", "-m"}:  # noqa: PTH119
            sys.stderr.write(f"Error: {message}\n")
            sys.exit(2)
        raise ImportError(message, name=name)


def _place(name: str) -> str | None:
    """File that a top-level package is loaded from; importlib.util would cost start-up time."""
    if name in sys.modules:
        return getattr(sys.modules[name], "__file__", None)
    specs = (finder.find_spec(name, None) for finder in sys.meta_path)
    return next((spec.origin for spec in specs if spec is not None), None)


def __getattr__(name: str) -> object:
    """Import a public name on first use; the first import checks the installation."""
    from importlib import import_module

    if name not in {*_MODULES, "__version__"}:
        raise AttributeError(f"module 't2sbench' has no attribute '{name}'")
    if name == "__version__":
        from benchmark.core.versions import package_version

        return package_version()
    from benchmark.core.owners import check_import_owners

    check_import_owners()
    globals()[name] = getattr(import_module(_MODULES[name]), name)
    return globals()[name]


def __dir__() -> list[str]:
    return __all__


_check_import_path()
