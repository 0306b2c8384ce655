"""Files of the lake: written durably, checked on opening, merged, unlinked when nobody reads them."""

import gc
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import create_engine
from tests.support.lake_world import SPARSE, VOCABULARY, Recorder, event, people, read, rows

from yutang.kernel.errors import DamagedError
from yutang.storage.schema import metadata
from yutang.timeline import store
from yutang.timeline.compaction import LEVEL_FILES_COUNT_MAX, pick, write_merged
from yutang.timeline.lake import LakeFolder
from yutang.timeline.manifest import LakeFile
from yutang.timeline.tracks import TimelineState

NAMES = ["amount", "category", "gift", "due", "tags", "id"]


@pytest.fixture
def lake(tmp_path: Path) -> LakeFolder:
    folder = LakeFolder(tmp_path / "lake", tmp_path / "cache")
    folder.open([])
    return folder


def one_record(seq: int) -> TimelineState:
    some = [event(f"{seq}-{i}", i, amount=i, category=f"c{i}", gift=True, due=5, tags=["a"]) for i in range(3)]
    return TimelineState.empty().appended(rows(seq, [*some, event(f"v{seq}", 1, "view")], [2, 0, 1, 1]), VOCABULARY)


def flushed(lake: LakeFolder, state: TimelineState, seq: int) -> tuple[TimelineState, LakeFile]:
    cut = state.cut(seq, "CNY")
    file = lake.write_cut(cut, created_ms=9)
    assert file is not None
    return state.flushed(cut, file, lake.runs(file)), file


class TestFlush:
    def test_rows_read_the_same_from_the_file_and_after_a_restart(self, lake: LakeFolder) -> None:
        state = one_record(1)
        before = read(state, people([0, 1, 2]), "order", NAMES)
        state, file = flushed(lake, state, 1)
        assert (file.rows, file.seq_from, file.seq_to, state.tail_rows, state.flushed_seq) == (4, 1, 1, 0, 1)
        assert read(state, people([0, 1, 2]), "order", NAMES) == before
        for _ in ("from the file", "from the cache"):
            again = LakeFolder(lake.folder, lake.cache.folder).open([file], 1)
            assert read(again, people([0, 1, 2]), "order", NAMES) == before
            assert again.first_at.array.tolist() == state.first_at.array.tolist()

    def test_an_empty_tail_writes_nothing_and_still_moves_on(self, lake: LakeFolder) -> None:
        cut = TimelineState.empty().cut(7, "CNY")
        assert lake.write_cut(cut, 0) is None
        assert TimelineState.empty().flushed(cut, None, {}).flushed_seq == 7

    def test_points_are_reached_in_order(self, lake: LakeFolder) -> None:
        recorder = Recorder()
        flushed(LakeFolder(lake.folder, lake.cache.folder, recorder), one_record(1), 1)
        assert recorder.points == ["flush.before_write", "flush.written", "flush.renamed"]

    @pytest.mark.parametrize("point", ["flush.written", "flush.renamed"])
    def test_a_file_without_a_row_is_debris(self, lake: LakeFolder, point: str) -> None:
        with pytest.raises(KeyboardInterrupt):
            flushed(LakeFolder(lake.folder, lake.cache.folder, Recorder(point)), one_record(1), 1)
        assert len(list(lake.folder.iterdir())) == 1
        assert lake.open([]).rows == 0
        assert not list(lake.folder.iterdir())

    def test_a_damaged_cache_is_derived_again(self, lake: LakeFolder) -> None:
        state, file = flushed(lake, one_record(1), 1)
        before = read(state, people([0, 1, 2]), "order", NAMES)
        for path in lake.cache.shelf(file).iterdir():
            path.write_bytes(path.read_bytes()[:-9])
        again = LakeFolder(lake.folder, lake.cache.folder).open([file], 1)
        assert read(again, people([0, 1, 2]), "order", NAMES) == before

    def test_threads_may_load_the_same_columns_at_once(self, lake: LakeFolder) -> None:
        before = read(one_record(1), people([0, 1, 2]), "order", NAMES)
        state, _ = flushed(lake, one_record(1), 1)
        with ThreadPoolExecutor(8) as threads:
            found = threads.map(lambda _: read(state, people([0, 1, 2]), "order", NAMES), range(16))
            assert list(found) == [before] * 16


class TestOpening:
    def test_a_missing_file_is_named_with_what_it_held(self, lake: LakeFolder) -> None:
        _, file = flushed(lake, one_record(1), 1)
        (lake.folder / file.name).unlink()
        with pytest.raises(DamagedError) as raised:
            lake.open([file])
        assert file.name in str(raised.value)
        assert "4 events of the records 1 to 1" in raised.value.message
        assert "yutang doctor" in raised.value.remedy

    @pytest.mark.parametrize("cut_bytes", [1, 200, 10_000])
    def test_a_truncated_file_is_refused(self, lake: LakeFolder, cut_bytes: int) -> None:
        _, file = flushed(lake, one_record(1), 1)
        path = lake.folder / file.name
        path.write_bytes(path.read_bytes()[:-cut_bytes])
        with pytest.raises(DamagedError, match="bytes instead of"):
            lake.open([file])

    def test_another_footer_is_refused(self, lake: LakeFolder) -> None:
        _, file = flushed(lake, one_record(1), 1)
        path = lake.folder / file.name
        raw = bytearray(path.read_bytes())
        raw[-20] ^= 1
        path.write_bytes(raw)
        with pytest.raises(DamagedError, match="footer"):
            lake.open([file])

    def test_a_flipped_byte_in_a_page_is_noticed_when_read(self, lake: LakeFolder) -> None:
        _, file = flushed(lake, one_record(1), 1)
        path = lake.folder / file.name
        raw = bytearray(path.read_bytes())
        raw[4:900] = bytes(byte ^ 255 for byte in raw[4:900])
        path.write_bytes(raw)
        state = lake.open([file])
        with pytest.raises(DamagedError, match="can't be read"):
            state.tracks["order"].runs[0].stored("anchor")


class TestCompaction:
    def test_more_than_eight_of_a_level_are_picked(self, lake: LakeFolder) -> None:
        files = [flushed(lake, one_record(seq), seq)[1] for seq in range(1, LEVEL_FILES_COUNT_MAX + 2)]
        assert pick(files[:-1]) == ()
        assert pick(files[::-1]) == tuple(files)

    def test_files_go_when_the_last_state_that_reads_them_goes(self, lake: LakeFolder) -> None:
        recorder = Recorder()
        lake = LakeFolder(lake.folder, lake.cache.folder, recorder)
        state, files = TimelineState.empty(), []
        for seq, vocabulary in [(1, SPARSE), (2, VOCABULARY)]:
            new = rows(seq, [event(str(seq), seq, amount=seq, category="a", gift=True)], [0])
            state, file = flushed(lake, state.appended(new, vocabulary), seq)
            files.append(file)
        whole = write_merged(lake, files, "CNY", 0, recorder)
        pinned = state
        state = state.compacted([file.name for file in files], whole, lake.runs(whole))
        lake.retire(files)
        assert read(pinned, people([0]), "order", NAMES) == read(state, people([0]), "order", NAMES)
        assert len(list(lake.folder.iterdir())) == 3
        del pinned
        gc.collect()
        assert [path.name for path in lake.folder.iterdir()] == [whole.name]
        assert recorder.points[-3:] == ["compaction.written", "compaction.unlinked", "compaction.unlinked"]
        assert (whole.level, whole.rows, whole.seq_from, whole.seq_to) == (1, 2, 1, 2)


class TestManifest:
    def test_files_come_back_as_they_went_in(self, lake: LakeFolder) -> None:
        first, second = (flushed(lake, one_record(seq), seq)[1] for seq in (1, 2))
        engine = create_engine("sqlite://")
        metadata.create_all(engine, tables=[store.lake_files])
        with engine.begin() as connection:
            store.add_file(connection, first)
            assert store.list_files(connection) == [first]
            store.swap_files(connection, [first.name], second)
            assert store.list_files(connection) == [second]
