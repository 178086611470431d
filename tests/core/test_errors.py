import pickle

from benchmark.core.errors import InvalidFileError, T2SBenchError, UnknownNameError


def test_unknown_name_suggests_across_letter_case():
    sentence = str(UnknownNameError("task", "eurosat", ["EuroSAT", "CUB"]))
    assert "Did you mean 'EuroSAT'?" in sentence
    assert sentence.endswith("Known: CUB, EuroSAT.")


def test_unknown_name_without_a_near_one_only_lists():
    assert "Did you mean" not in str(UnknownNameError("task", "zzz", ["CUB"]))


def test_invalid_file_lists_every_fault():
    error = InvalidFileError("t.yaml", ["first", "second"], "Correct it.")
    assert str(error).splitlines() == [
        "t.yaml is not valid (2 faults):",
        "  - first",
        "  - second",
        "Correct it.",
    ]


def test_every_error_is_ours_and_has_an_exit_code():
    import benchmark.core.errors as module

    for value in vars(module).values():
        if isinstance(value, type) and issubclass(value, T2SBenchError):
            assert value.exit_code in {1, 2, 3}


def made(kind: type[T2SBenchError]) -> T2SBenchError:
    if issubclass(kind, InvalidFileError):
        return kind("card.json", ["one", "two"], "Correct it.")
    if issubclass(kind, UnknownNameError):
        return kind("method", "orakle", ["oracle"])
    return kind("A message.")


def test_errors_travel_between_processes():
    kinds = [T2SBenchError]
    for kind in kinds:
        kinds += [one for one in kind.__subclasses__() if one.__module__ == "benchmark.core.errors"]
        error = made(kind)
        again = pickle.loads(pickle.dumps(error))  # noqa: S301 - bytes of this test
        assert (type(again), str(again), vars(again)) == (kind, str(error), vars(error))
    assert len(kinds) >= 9


def test_long_lists_are_cut():
    error = UnknownNameError("category", "x", [f"name-{i:03}" for i in range(237)])
    assert str(error).endswith("name-039 and 197 more.")
