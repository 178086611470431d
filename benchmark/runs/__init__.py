"""Runs: methods are fitted, their choices scored, and every cell becomes a record.

Entry points, none of which needs the command line:

* :func:`benchmark.runs.execution.run` takes a :class:`benchmark.runs.plan.RunRequest` (methods,
  split, table or live settings, seeds, tasks, output folder or None) and returns the records of all
  its cells. ``output=None`` keeps records in memory. Callbacks report records, units and stages.
  Its two halves, :func:`~benchmark.runs.execution.make_plan` and
  :func:`~benchmark.runs.execution.execute`, are for callers that show the plan first. One plan
  covers all profiles and protocols of a request, which share fits and decisions.
  A method without a registered name: :func:`benchmark.methods.method_of_class`.
* :func:`benchmark.runs.execution.retry` repeats failed cells of an output folder.
* :func:`benchmark.runs.live_scorer.score_live` scores one (configuration, task) live, with a
  :class:`benchmark.pipeline.settings.LiveSettings`.

Example:
    >>> from benchmark.runs.execution import run
    >>> from benchmark.runs.plan import MethodSpec, RunRequest
    >>> records = run(RunRequest((MethodSpec("single-best"),), seeds=(0,), tasks=("USPS",)))
    >>> [(record.task.name, record.status) for record in records]
    [('USPS', 'ok')]
"""
