"""What `yutang doctor` looks at, whatever slices there are: versions, service, disk, lake, clock, log, limits, backups.

Every check reads; none changes anything, opens the pool or waits for a service at work.
"""

from __future__ import annotations

import platform
import resource
import shutil
from collections.abc import Iterator
from pathlib import Path

from yutang import __version__
from yutang.kernel.errors import BusyError, UnavailableError, YutangError
from yutang.kernel.instants import DAY_MS, SECOND_MS, instant_text
from yutang.kernel.speech import Say, speaker
from yutang.runtime.backup.taking import last_backup
from yutang.runtime.findings import Check, Finding, Look
from yutang.runtime.folder import FolderLock
from yutang.runtime.health import file_bytes, folder_bytes, intake_seen
from yutang.runtime.inbox.inbox import open_reader
from yutang.runtime.inbox.looking import kept_payloads
from yutang.runtime.log.health import LogHealth, arrivals_between, log_health, lost_bodies
from yutang.runtime.pool import read_clock
from yutang.runtime.wire import WireClient
from yutang.storage.database import Database
from yutang.storage.migrations import NEWEST
from yutang.timeline import store as timeline_store
from yutang.timeline.lake import check_pages, check_strays
from yutang.timeline.manifest import LakeFile

FREE_DISK_BYTES_MIN = 1_000_000_000
FORECAST_DAYS = 30  # of arrivals, by which growth is reckoned
FORECAST_SPAN_MS_MIN = DAY_MS  # of less than that nothing is foretold
FULL_SOON_DAYS = 30
BACKUP_OLD_DAYS = 7
WAITING_SHARE_WARN = 0.5  # of waiting_events_max
OPEN_FILES_SPARE_MIN = 256  # beside the lake's: sockets, databases, columns being read
CLOCK_SLACK_MS = 5 * SECOND_MS
_ENGINE_LIMITS = "Max open files"

WORDS = {
    "schema": (
        "yutang.db 的结构版本是 {at}，yutang {version} 需要 {newest}",
        "schema {at} of yutang.db isn't {newest}, the one of yutang {version}",
    ),
    "schema_newer": ("使用写入它的那个版本", "use the version that wrote it"),
    "schema_older": ("任何命令都会先复制再升级它", "any command brings it up to date, after a copy"),
    "version": (
        "yutang {yutang}，结构版本 {schema}，Python {python}，SQLite {sqlite}",
        "yutang {yutang}, schema {schema}, Python {python}, SQLite {sqlite}",
    ),
    "silent": ("{busy}，但没有服务应答", "{busy}, and no service answers"),
    "silent_do": ("稍等，或结束那个进程", "wait, or end that process"),
    "running": ("正在运行并应答", "is running and answers"),
    "none_running": ("没有在运行", "none is running"),
    "intake_away": ("接入进程不应答：{why}", "the intake process doesn't answer: {why}"),
    "intake_away_do": ("它会自动重启；看服务的日志", "it is started anew by itself; the service's log says why"),
    "intake": (
        "启动以来接收 {accepted:,} 条，重复 {duplicates:,}，拒绝 {rejected:,}；提交用时 p99 {p99:.1f} 毫秒",
        "since its start {accepted:,} events kept, {duplicates:,} repeats, {rejected:,} refused; "
        "commits p99 {p99:.1f} ms",
    ),
    "disk": (
        "客户池占用 {used:,.0f} MB（其中缓存 {cache:,.0f} MB），剩余 {free:,.1f} GB",
        "the pool takes {used:,.0f} MB ({cache:,.0f} MB of it cache), {free:,.1f} GB are free",
    ),
    "disk_do": (
        "腾出空间：合并文件时可能再需要与客户池一样大的空间；缓存在无进程运行时可以删除",
        "make room: a compaction may need as much again as the pool takes; cache/ may be deleted while nothing runs",
    ),
    "no_forecast": ("数据不足一天，无法预测增长", "arrivals of less than a day: growth can't be foretold"),
    "growth_real": (
        "近 {span:.0f} 天每天增长 {daily:,.1f} MB（含导入）；照此约 {days:,.0f} 天后磁盘写满",
        "{daily:,.1f} MB a day over the last {span:.0f} days, imports included; at that pace the disk is full in "
        "{days:,.0f} days",
    ),
    "growth_running": (
        "近 {span:.0f} 个池内日每天增长 {daily:,.1f} MB；时钟与机器同速时约 {days:,.0f} 天后写满",
        "{daily:,.1f} MB a day of pool time over the last {span:.0f}; while the simulated clock runs with the "
        "machine's, the disk is full in {days:,.0f} days",
    ),
    "growth_standing": (
        "近 {span:.0f} 个池内日每天增长 {daily:,.1f} MB，还容得下 {days:,.0f} 个池内日；时钟停住，无法换算成真实天数",
        "{daily:,.1f} MB a day of pool time over the last {span:.0f}, room for {days:,.0f} such days; the clock "
        "stands, so nothing can be said in days of the machine",
    ),
    "growth_do": (
        "换更大的磁盘，或用 yutang keep 缩短事件的保留期",
        "give it a larger disk, or keep event types for a shorter time",
    ),
    "lake": ("{files} 个文件，{events:,} 条事件，全部完好", "{files} files, {events:,} events, all whole"),
    "lake_do": (
        "从备份取回 {name} 放入 {folder}；缺少它时客户池拒绝读取，以免数字悄悄出错",
        "put {name} back from a backup into {folder}; the pool refuses to read without it, so that no figure is wrong "
        "in silence",
    ),
    "clock": ("{mode}，{now}", "{mode}, {now}"),
    "clock_real": ("真实时钟", "real"),
    "clock_standing": ("模拟时钟，停住", "simulated and standing"),
    "clock_running": ("模拟时钟，走动", "simulated and running"),
    "clock_back": (
        "机器时间 {machine} 早于最后一条记录 {last}：机器的时钟倒退了",
        "the machine says {machine}, before the last record at {last}: its clock has stepped back",
    ),
    "clock_back_do": (
        "检查时间同步；在机器时间赶上之前，池内时间停在最后一条记录",
        "look after its time service; pool time stands at the last record until the machine's has caught up",
    ),
    "log": (
        "{records} 条记录，其中 {tail} 条还未写入湖；最后一条于 {last}",
        "{records} records, {tail} not yet in the lake; the last at {last}",
    ),
    "lost": ("inbox.db 缺少 {n} 条还未写入湖的记录", "inbox.db doesn't hold {n} records that aren't in the lake yet"),
    "lost_do": (
        "从同一份备份恢复 yutang.db 和 inbox.db：它们必须成对",
        "restore yutang.db and inbox.db from one backup: they belong together",
    ),
    "quarantine": ("记录 {seq}（{kind}）：{error}", "record {seq} ({kind}): {error}"),
    "quarantine_do": (
        "yutang quarantine list 查看；原因排除后 yutang quarantine replay",
        "`yutang quarantine list` shows it; once the cause is mended, `yutang quarantine replay`",
    ),
    "waiting": (
        "{n:,} 条事件待处理（上限 waiting_events_max {most:,}）",
        "{n:,} events wait (waiting_events_max: {most:,})",
    ),
    "waiting_do": (
        "引擎跟不上或没有运行；超过上限后接入返回 429",
        "the engine can't keep up, or doesn't run; over the limit intake answers 429",
    ),
    "payloads": (
        "入口 {hook} 有 {n:,} 份没能映射的内容（{megabytes:,.1f} MB），保留 {days} 天",
        "{n:,} bodies that didn't map wait at the hook {hook} ({megabytes:,.1f} MB), each for {days} days",
    ),
    "payloads_do": (
        "yutang hook payloads {hook} 查看；改好映射后 yutang hook replay {hook}",
        "look at them with `yutang hook payloads {hook}`; mend the mapping, then `yutang hook replay {hook}`",
    ),
    "files": (
        "可打开 {most:,} 个文件，湖有 {lake:,} 个",
        "{most:,} files may be open at once, the lake has {lake:,}",
    ),
    "files_do": ("提高上限：systemd 中 LimitNOFILE=65536", "raise it: LimitNOFILE=65536 in the systemd unit"),
    "backup": ("最近一次于 {at}，{days:.1f} 天前：{target}", "the last at {at}, {days:.1f} days ago: {target}"),
    "backup_gone": ("最近的备份已不在 {target}", "the last one isn't at {target} any more"),
    "backup_never": ("从未备份", "there was never one"),
    "backup_do": ("yutang backup 文件夹", "yutang backup FOLDER"),
}


def bad(subject: str, error: YutangError) -> Finding:
    """What an error says, as a finding."""
    return Finding("bad", subject, error.message, error.remedy)


def _say(look: Look) -> Say:
    return speaker(WORDS, look.language)


def _versions(look: Look) -> Iterator[Finding]:
    sqlite, python = look.database.engine_version(), platform.python_version()
    message = _say(look)("version").format(yutang=__version__, schema=NEWEST, python=python, sqlite=sqlite)
    yield Finding("ok", "version", message)


def _service(look: Look) -> Iterator[Finding]:
    say = _say(look)
    try:
        FolderLock.take(look.folder, "doctor").release()
    except BusyError as busy:
        try:
            WireClient(look.folder.engine_socket).close()
        except UnavailableError:
            yield Finding("warn", "service", say("silent").format(busy=busy.message), say("silent_do"))
            return
        yield Finding("ok", "service", say("running"))
        yield _intake(look, say)
        return
    yield Finding("ok", "service", say("none_running"))


def _intake(look: Look, say: Say) -> Finding:
    seen = intake_seen(look.folder)
    if seen.counters is None:
        return Finding("warn", "intake", say("intake_away").format(why=seen.trouble), say("intake_away_do"))
    counters = seen.counters
    message = say("intake").format(
        accepted=counters.accepted, duplicates=counters.duplicates, rejected=sum(counters.rejected.values()),
        p99=counters.commit_ms_p99,
    )  # fmt: skip
    return Finding("ok", "intake", message)


# ── disk ────────────────────────────────────────────────────────────────────────────────────────────


def _disk(look: Look) -> Iterator[Finding]:
    say, folder = _say(look), look.folder
    free = shutil.disk_usage(folder.root).free
    used, cache = folder_bytes(folder.root), folder_bytes(folder.cache)
    message = say("disk").format(used=used / 1e6, cache=cache / 1e6, free=free / 1e9)
    short = free < max(FREE_DISK_BYTES_MIN, 2 * used)
    yield Finding("warn", "disk", message, say("disk_do")) if short else Finding("ok", "disk", message)
    yield forecast(look, free, used - file_bytes(folder.inbox))


def forecast(look: Look, free: int, used: int) -> Finding:
    """How much more the pool takes a day, and so when the disk is full.

    free: bytes of room. used: bytes of the pool without its inbox; they grow in proportion to the lake, whose growth
    follows from when the records of its files arrived.
    """
    say = _say(look)
    files = _files(look.database)
    with look.database.reading() as uow:
        ends = [arrivals_between(uow, file.seq_from, file.seq_to) for file in files]
        now_ms = log_health(uow).time_ms
    spans = [(*end, file.bytes) for end, file in zip(ends, files, strict=True) if end is not None]
    first = min((begin for begin, _, _ in spans), default=now_ms)
    since = max(first, now_ms - FORECAST_DAYS * DAY_MS)
    if now_ms - since < FORECAST_SPAN_MS_MIN:
        return Finding("ok", "forecast", say("no_forecast"))
    lake = sum(size for _, _, size in spans)
    grown = sum(_share_after(begin, end, since) * size for begin, end, size in spans)
    span_days = (now_ms - since) / DAY_MS
    daily = grown / span_days * max(1.0, used / lake)
    room = max(0, free - look.settings.disk_reserve_mb * 1_000_000)
    days = room / daily if daily >= 1 else float("inf")
    if days == float("inf"):
        return Finding("ok", "forecast", say("no_forecast"))
    mode = _mode(look)
    message = say(f"growth_{mode}").format(span=span_days, daily=daily / 1e6, days=min(days, 99_999))
    soon = days < FULL_SOON_DAYS
    return Finding("warn" if soon else "ok", "forecast", message, say("growth_do") if soon else "")


def _share_after(begin: int, end: int, since: int) -> float:
    """Which share of a span of arrivals lies after an instant."""
    if begin >= since:
        return 1.0
    return 0.0 if end <= since else (end - since) / (end - begin)


# ── files ───────────────────────────────────────────────────────────────────────────────────────────


def _lake(look: Look) -> Iterator[Finding]:
    say, folder = _say(look), look.folder
    files = _files(look.database)
    damaged = 0
    for file in files:
        try:
            check_pages(folder.lake, file)
        except YutangError as error:
            if file not in _files(look.database):  # a service at work has merged it away
                continue
            damaged += 1
            yield Finding("bad", "lake", error.message, say("lake_do").format(name=file.name, folder=folder.lake))
    try:
        with look.database.reading() as uow:
            health = log_health(uow)
        check_strays(folder.lake, _files(look.database), health.records)
    except YutangError as error:
        damaged += 1
        yield bad("lake", error)
    if not damaged:
        yield Finding("ok", "lake", say("lake").format(files=len(files), events=sum(file.rows for file in files)))


def _files(database: Database) -> list[LakeFile]:
    with database.reading() as uow:
        return timeline_store.list_files(uow.connection)


# ── clock and log ───────────────────────────────────────────────────────────────────────────────────


def _mode(look: Look) -> str:
    try:
        return read_clock(look.folder).mode.value
    except YutangError:
        return "real"


class _Machine:
    """Machine time as it was when the look began."""

    def __init__(self, now_ms: int) -> None:
        self._now_ms = now_ms

    def now_ms(self) -> int:
        return self._now_ms

    def stopwatch_s(self) -> float:
        return self._now_ms / SECOND_MS


def _clock(look: Look) -> Iterator[Finding]:
    say = _say(look)
    try:
        clock = read_clock(look.folder)
    except YutangError as error:
        yield Finding("warn", "clock", f"{error.where}: {error.message}", error.remedy)
        return
    with look.database.reading() as uow:
        last = log_health(uow).time_ms
    if not clock.simulated and look.machine_ms + CLOCK_SLACK_MS < last:
        message = say("clock_back").format(machine=instant_text(look.machine_ms), last=instant_text(last))
        yield Finding("warn", "clock", message, say("clock_back_do"))
        return
    now = instant_text(max(last, clock.now_ms(_Machine(look.machine_ms))))
    yield Finding("ok", "clock", say("clock").format(mode=say(f"clock_{clock.mode.value}"), now=now))


def _log(look: Look) -> Iterator[Finding]:
    say = _say(look)
    with look.database.reading() as uow:
        health = log_health(uow)
    tail, last = health.records - health.flushed, instant_text(health.time_ms)
    yield Finding("ok", "log", say("log").format(records=health.records, tail=tail, last=last))
    inbox = look.folder.inbox
    lost = lost_bodies(look.database, inbox)
    if lost and lost_bodies(look.database, inbox):  # a service at work may have flushed them between two looks
        yield Finding("bad", "inbox", say("lost").format(n=lost), say("lost_do"))
    for one in health.quarantined:
        message = say("quarantine").format(seq=one.seq, kind=one.kind, error=one.error)
        yield Finding("warn", "quarantine", message, say("quarantine_do"))


# ── limits and backups ──────────────────────────────────────────────────────────────────────────────


def _limits(look: Look) -> Iterator[Finding]:
    say = _say(look)
    with look.database.reading() as uow:
        health = log_health(uow)
    waiting, most = _waiting(look.folder.inbox, health), look.settings.waiting_events_max
    level = "bad" if waiting > most else "warn" if waiting > WAITING_SHARE_WARN * most else "ok"
    remedy = "" if level == "ok" else say("waiting_do")
    yield Finding(level, "waiting", say("waiting").format(n=waiting, most=most), remedy)
    lake, allowed = len(_files(look.database)), _open_files_max(look)
    short = allowed < lake + OPEN_FILES_SPARE_MIN
    message = say("files").format(most=allowed, lake=lake)
    yield Finding("warn" if short else "ok", "files", message, say("files_do") if short else "")


def _payloads(look: Look) -> Iterator[Finding]:
    say = _say(look)
    for hook, (count, size) in sorted(kept_payloads(look.folder.inbox).items()):
        message = say("payloads").format(hook=hook, n=count, megabytes=size / 1e6, days=look.settings.payload_days)
        yield Finding("warn", "payloads", message, say("payloads_do").format(hook=hook))


def _waiting(inbox: Path, health: LogHealth) -> int:
    if not inbox.exists():  # to open it would make it
        return 0
    reader = open_reader(inbox)
    try:
        return reader.waiting_events(health.refs)
    finally:
        reader.close()


def _open_files_max(look: Look) -> int:
    """Of the engine at work, else of this process, which would be started the same way."""
    try:
        client = WireClient(look.folder.engine_socket)
        limits = Path(f"/proc/{client.peer_pid}/limits").read_text()
        client.close()
    except (UnavailableError, OSError):
        return resource.getrlimit(resource.RLIMIT_NOFILE)[0]
    line = next(line for line in limits.splitlines() if line.startswith(_ENGINE_LIMITS))
    return int(line.removeprefix(_ENGINE_LIMITS).split()[0])


def _backups(look: Look) -> Iterator[Finding]:
    say = _say(look)
    last = last_backup(look.folder)
    if last is None:
        yield Finding("warn", "backup", say("backup_never"), say("backup_do"))
        return
    days = (look.machine_ms - last.taken_at) / DAY_MS
    message = say("backup").format(at=instant_text(last.taken_at), days=days, target=last.target)
    if not (Path(last.target) / "backup.json").exists():
        message += "; " + say("backup_gone").format(target=last.target)
    old = days > BACKUP_OLD_DAYS
    yield Finding("warn" if old else "ok", "backup", message, say("backup_do") if old else "")


CHECKS: tuple[Check, ...] = (_versions, _service, _disk, _lake, _clock, _log, _limits, _payloads, _backups)
