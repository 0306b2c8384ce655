"""What customers' lines say, in both languages, and the arguments that they share."""

from __future__ import annotations

from typing import Annotated

import typer

from yutang.kernel.speech import Words

Who = Annotated[str, typer.Argument(help="an id, kind:value, or a value such as a phone number")]
Why = Annotated[str, typer.Option("--why", help="the reason, for those who come after")]
AsOf = Annotated[str, typer.Option("--as-of", help="an instant such as 2017-06-30T00:00:00Z; default: pool time")]
Json = Annotated[bool, typer.Option("--json", help="print the answer as JSON")]
Pairs = Annotated[list[str], typer.Argument(help="trait=value …; trait= unsets")]
Limit = Annotated[int, typer.Option(help="how many to show")]
Cursor = Annotated[str, typer.Option(help="`next` of the page before")]

WORDS: Words = {
    "identities": ("身份", "identities"),
    "traits": ("属性", "traits"),
    "tags": ("手工标签", "tags"),
    "consents": ("授权", "consents"),
    "relations": ("关系", "relations"),
    "edits": ("合并与拆分记录", "merges and unmerges"),
    "reviews": ("待人工判定", "reviews"),
    "customer": ("客户", "customer"),
    "identity": ("身份", "identity"),
    "count": ("身份数", "identities"),
    "first": ("首次", "first seen"),
    "last": ("最近", "last seen"),
    "kinds": ("身份种类，从强到弱", "kinds of identity, strongest first"),
    "shared": ("多人共用", "shared"),
    "unverified": ("未验证", "unverified"),
    "over": ("多人共用，不参与合并", "shared by too many, joins nobody"),
    "seen": ("首次与最近：{first} … {last}", "first and last seen: {first} … {last}"),
    "unseen": ("尚无事件", "no events yet"),
    "late": ("迟到", "late"),
    "together": ("现在是同一客户", "one customer now"),
    "apart": ("现在是不同客户", "different customers now"),
    "done": ("已完成", "done"),
    "nobody": ("没有找到客户", "nobody found"),
    "nothing": ("没有事件", "no events"),
    "no_reviews": ("没有待判定的", "nothing waits"),
    "more": ("…… 还有更多：--limit", "… there are more: --limit"),
    "page": ("…… 下一页：--cursor {cursor}", "… next page: --cursor {cursor}"),
    "personal": ("个人", "personal"),
    "weak": ("弱", "weak"),
    "cap": ("共用，至多 {n} 人", "shared, at most {n} people"),
    "uncapped": ("共用", "shared"),
    "unique": ("唯一", "unique"),
}
