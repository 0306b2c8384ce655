"""The places of an epoch that more than one pass reads, and the notes that passes leave for later ones."""

from __future__ import annotations

from yutang.conditions.vocabulary import Vocabulary
from yutang.runtime.log.contracts import Slot
from yutang.timeline.people import People
from yutang.timeline.tracks import TimelineState

# All that conditions may speak of; catalogue gives it, audience adds the labels.
VOCABULARY: Slot[Vocabulary] = Slot("vocabulary")
# Customers as sets of anchors; the customers slice gives it.
PEOPLE: Slot[People] = Slot("people")
# Where every event lies; the timeline's pass gives it.
TIMELINE: Slot[TimelineState] = Slot("timeline")

# Note: int64[events], the anchor of each event of the batch; left by the customers slice.
ANCHORS = "anchors"
# Note: bool[events], which events of the batch are taken (not duplicates); left by the timeline's pass.
TAKEN = "taken"
# Note: (int64[taken], int64[taken], names), of the events taken, in order: when each happened, its type as its place
# among the names; left by the timeline's pass.
LAID = "laid"
# Note: int64[], heads of the customers (as grouped after the record) whose timeline or grouping changed.
TOUCHED = "touched"
# Note: runtime.erasing.contracts.Forgotten, who is forgotten by an ERASE record; left by the customers slice.
FORGOTTEN = "forgotten"
# Note: int64[], anchors that lost events which are older than their type is kept for; left by the timeline's pass.
AGED = "aged"
# Note: int, how many events an ERASE record took; left by the timeline's pass.
ERASED_ROWS = "erased_rows"
# Note: int64[], ascending: the anchors of customers that the records of a group may have joined or parted, at its end
# or on the way; absent if there are none; left by the customers slice.
MOVED = "moved"
