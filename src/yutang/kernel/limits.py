"""Every limit that more than one room needs, named, with its unit last. Rooms keep their own beside their use."""

from yutang.kernel.instants import DAY_MS, HOUR_MS

EVENT_PROPERTIES_BYTES_MAX = 65_536  # of one event; larger payloads belong into media
EVENT_IDENTITIES_COUNT_MAX = 32
EVENT_PROPERTIES_COUNT_MAX = 256
TEXT_VALUE_CHARS_MAX = 8_192
NAME_CHARS_MAX = 128  # event types, property names, kinds, scopes
IDENTITY_VALUE_CHARS_MAX = 512
EVENT_FUTURE_MS_MAX = 7 * DAY_MS  # accepted ahead of pool time, counted once time reaches it
LATE_FOR_JOURNEYS_MS = 1 * HOUR_MS  # older at arrival: changes labels but enters no journey
BLOB_EVENTS_COUNT_MAX = 16_384
DEDUPLICATION_HORIZON_MS = 7 * DAY_MS
PAGE_ROWS_COUNT_MAX = 500
