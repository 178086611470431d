"""Scoring, and duplicates."""

import pytest

from benchmark.core.errors import InvalidInputError, StorageError
from benchmark.runs.record import seal
from benchmark.space import PAPER_SPACE
from benchmark.submissions.checks import check_path
from benchmark.submissions.scoring import find_duplicates, score


@pytest.fixture
def scored(packed, table, registry, tmp_path):
    def make(*arguments, **changes):
        checked = check_path(packed(*arguments, **changes), table, registry)
        return checked, *score(checked, tmp_path / "board")

    return make


def changed(record, **changes):
    return seal({**record.model_dump(mode="json", exclude={"record_id"}), **changes})


def test_scores_are_those_of_the_run(scored, records_of, tmp_path):
    _, path, records = scored()
    run = {(r.task.name, r.seed): r for r in records_of(tmp_path / "results")}
    assert records_of(path) == records
    assert len(records) == len(run) == 6
    for record in records:
        same = run[record.task.name, record.seed]
        for name in ("scores", "decision", "reference", "task", "source", "protocol", "cost"):
            assert getattr(record, name) == getattr(same, name)
        assert record.method.learnt_from == same.method.learnt_from
        assert record.method.queries == same.method.queries


def test_records_say_where_they_come_from(scored):
    _, path, records = scored(id="team-1")
    assert path.name == "team-1.jsonl"
    method = records[0].method
    assert (method.name, method.label) == ("submission:team-1", "team-1 (voter)")
    assert (method.origin, method.privileged) == ("submission:team-1", False)


def test_cells_of_submissions_are_their_own(scored, records_of, tmp_path):
    _, _, records = scored()
    run = records_of(tmp_path / "results")
    assert not {r.cell for r in records} & {r.cell for r in run}
    assert len({r.cell for r in records}) == len({r.key for r in records}) == len(records)


def test_records_are_not_overwritten(scored, tmp_path):
    checked, path, _ = scored()
    before = path.read_bytes()
    with pytest.raises(InvalidInputError, match=r"voter\.jsonl"):
        score(checked, path.parent)
    assert path.read_bytes() == before
    assert list(path.parent.iterdir()) == [path]


def test_a_link_is_not_followed(packed, table, registry, tmp_path):
    checked = check_path(packed(), table, registry)
    (tmp_path / "board").mkdir()
    (tmp_path / "board" / "voter.jsonl").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(InvalidInputError, match=r"voter\.jsonl"):
        score(checked, tmp_path / "board")
    assert not (tmp_path / "elsewhere").exists()


def test_mixtures_are_scored_by_expectation(scored, table):
    _, _, records = scored("mixer")
    for record in records:
        means = table.means[table.row(record.task.name)]
        assert record.accuracy == pytest.approx(0.25 * means[3] + 0.75 * means[200])


def test_copied_decisions_are_flagged(scored, records_of, tmp_path):
    checked, _, _ = scored()
    records = records_of(tmp_path / "results")
    assert find_duplicates(checked.submission, records) == ["voter"]


def test_one_other_decision_is_no_copy(scored, records_of, tmp_path):
    checked, _, _ = scored()
    records = records_of(tmp_path / "results")
    other = str(PAPER_SPACE.at(1))
    records[0] = changed(records[0], decision={"configuration": other, "mixture": None})
    assert find_duplicates(checked.submission, records) == []
    assert find_duplicates(checked.submission, records[1:3]) == []


def test_its_own_records_are_no_copy(scored):
    checked, _, records = scored()
    assert find_duplicates(checked.submission, records) == []


def test_a_folder_that_cannot_be_written(packed, table, registry, tmp_path):
    checked = check_path(packed(), table, registry)
    (tmp_path / "board").write_text("a file")
    with pytest.raises(StorageError, match="board"):
        score(checked, tmp_path / "board")


def test_two_scorers_at_once(packed, table, registry, tmp_path, monkeypatch):
    checked = check_path(packed(), table, registry)

    def other_wins(scratch, path):
        path.write_text("theirs")
        raise FileExistsError

    monkeypatch.setattr("os.link", other_wins)
    with pytest.raises(InvalidInputError, match=r"voter\.jsonl"):
        score(checked, tmp_path / "board")
    assert (tmp_path / "board" / "voter.jsonl").read_text() == "theirs"
