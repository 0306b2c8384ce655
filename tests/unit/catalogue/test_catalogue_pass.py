"""The catalogue's part in the log: edits and first mentions change it, and it is the same after a restart."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import msgspec
import pytest

from yutang.conditions.vocabulary import LabelType
from yutang.domains.catalogue import api
from yutang.domains.catalogue.contracts import CATALOGUE_EDIT
from yutang.domains.catalogue.passes import CataloguePass
from yutang.kernel.errors import ConflictError
from yutang.kernel.event import Event, EventBlob, Identity, encode_blob
from yutang.runtime.log.contracts import EVENTS, Batch, Epoch, Lane, Origin, Record
from yutang.runtime.slots import VOCABULARY
from yutang.storage.database import Database, open_sqlite
from yutang.storage.schema import metadata

WHO = (Identity("member_no", "", "M1"),)


@pytest.fixture
def database(tmp_path: Path) -> Database:
    opened = open_sqlite(tmp_path / "yutang.db")
    with opened.unit() as uow:
        metadata.create_all(uow.connection)
    return opened


class House:
    """A pool of one pass."""

    def __init__(self, database: Database) -> None:
        self.database = database
        self.the_pass = CataloguePass("UTC", "USD")
        with database.reading() as uow:
            self.epoch = Epoch().changed(self.the_pass.open(uow, Epoch()).slots)

    def take(self, kind: str, body: bytes, blob: EventBlob | None = None) -> dict[str, object]:
        record = Record(1, kind, Lane.LIVE, Origin.ECHO, 1, 0, body)
        delta = self.the_pass.apply(Batch([record], [] if blob is None else [blob]), self.epoch)
        if delta is None:
            return {}
        with self.database.unit() as uow:
            self.the_pass.write(uow, delta)
        self.epoch = self.epoch.changed(delta.slots)
        return {name: value for verdict in delta.verdicts for name, value in verdict.items()}

    def edit(self, text: str) -> dict[str, object]:
        return self.take(CATALOGUE_EDIT, msgspec.json.encode(api.read_declarations(text, "own.yaml")))

    def events(self, *events: Event) -> None:
        blob = EventBlob("f", False, 0, list(events))
        self.take(EVENTS, encode_blob(blob), blob)


class TestEdits:
    def test_an_edit_is_in_both_slots_and_says_what_changed(self, database: Database) -> None:
        house = House(database)
        assert house.edit("events: {tasting: {properties: {wine: string}}}") == {
            "version": 1,
            "names": ["events.tasting"],
        }
        assert "tasting" in house.epoch[VOCABULARY].events
        assert house.epoch[api.CATALOGUE].vocabulary.events == house.epoch[VOCABULARY].events

    def test_an_edit_that_cant_be_is_refused_and_changes_nothing(self, database: Database) -> None:
        house = House(database)
        before = house.epoch
        with pytest.raises(ConflictError):
            house.edit("traits: {birthday: string}")
        assert house.epoch is before

    def test_an_edit_without_effect_keeps_the_version(self, database: Database) -> None:
        house = House(database)
        assert house.edit("traits: {birthday: date}") == {"version": 0, "names": []}
        assert house.epoch[VOCABULARY].version == 0

    def test_labels_that_a_later_pass_laid_in_stay(self, database: Database) -> None:
        house = House(database)
        labelled = replace(house.epoch[VOCABULARY], version=7, labels={"vip": LabelType("vip", ("in",))})
        house.epoch = house.epoch.changed({VOCABULARY.name: labelled})
        house.edit("traits: {skin: string}")
        assert set(house.epoch[VOCABULARY].labels) == {"vip"}
        assert house.epoch[VOCABULARY].version == 8


class TestEvents:
    def test_first_mentions_become_part_of_it(self, database: Database) -> None:
        house = House(database)
        house.events(
            Event("1", "napped", 0, WHO, {"x": 1}),
            Event("2", "trait_set", 0, WHO, {"trait": "shoe", "number": 42.0}, system=True),
        )
        assert house.epoch[VOCABULARY].events["napped"].properties == ()
        assert "shoe" in house.epoch[VOCABULARY].traits
        assert house.epoch[api.CATALOGUE].undeclared_events == {"napped"}

    def test_known_things_change_nothing(self, database: Database) -> None:
        house = House(database)
        before = house.epoch
        house.events(Event("1", "order_paid", 0, WHO, {}))
        assert house.epoch is before


def test_a_restart_finds_the_same_catalogue(database: Database) -> None:
    house = House(database)
    house.edit("events: {tasting: {zh: 品鉴, marks: [visit], properties: {wine: string}}}\ntraits: {skin: string}")
    house.events(Event("1", "napped", 0, WHO, {}))
    house.edit("events: {napped: {en: napped}, tasting: {properties: {score: number}}}")
    assert House(database).epoch[api.CATALOGUE] == house.epoch[api.CATALOGUE]
