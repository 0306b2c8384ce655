"""The table of kinds of identity, as shipped (docs/reference/identities.md explains every line).

A phone or e-mail is shared by a household now and then, so its cap is 3: one person's unionid, member
number and external_userid on one phone still join, while a family phone used by four joins nobody.
"""

from __future__ import annotations

import re

from yutang.domains.customers.contracts import LINKS_COUNT_MAX, Form, IdentityProblem, Kinds, KindSpec
from yutang.kernel.limits import NAME_CHARS_MAX

SHARED_PEOPLE_COUNT_MAX = 3
RANK_MAX = 999
OWN_KINDS_COUNT_MAX = 40  # with those shipped, as many as the engine tells apart (`timeline.people`)
_NAME = re.compile(r"[a-z][a-z0-9_]*")


def _personal(name: str, rank: int, zh: str, en: str, *, unique: bool = True) -> KindSpec:
    return KindSpec(name, rank, personal=True, unique=unique, scoped=True, title_zh=zh, title_en=en)


def _weak(name: str, rank: int, zh: str, en: str, *, form: Form = Form.PLAIN, scoped: bool = False) -> KindSpec:
    return KindSpec(name, rank, weak=True, form=form, scoped=scoped, title_zh=zh, title_en=en)


BUILTIN: tuple[KindSpec, ...] = (
    _personal("unionid", 100, "微信 unionid", "WeChat unionid"),
    _personal("external_userid", 200, "企业微信外部联系人", "WeCom external contact"),
    _personal("openid", 300, "微信 openid", "WeChat openid"),
    _personal("member_no", 400, "会员号", "member number"),
    _personal("account", 500, "自有账号", "own account"),
    _personal("alipay_id", 600, "支付宝用户", "Alipay user"),
    _personal("taobao_id", 610, "淘宝用户", "Taobao user"),
    _personal("jd_id", 620, "京东用户", "JD user"),
    _personal("douyin_openid", 630, "抖音 openid", "Douyin openid"),
    _personal("xiaohongshu_id", 640, "小红书用户", "Xiaohongshu user"),
    _personal("weibo_id", 650, "微博用户", "Weibo user"),
    _personal("zhihu_id", 660, "知乎用户", "Zhihu user"),
    KindSpec("phone", 100, cap=SHARED_PEOPLE_COUNT_MAX, form=Form.PHONE, title_zh="手机号", title_en="phone"),
    KindSpec("email", 200, cap=SHARED_PEOPLE_COUNT_MAX, form=Form.EMAIL, title_zh="邮箱", title_en="e-mail"),
    _weak("device", 100, "设备", "device"),
    _weak("phone_unverified", 200, "手机号（未验证）", "phone, unverified", form=Form.PHONE),
    _weak("email_unverified", 300, "邮箱（未验证）", "e-mail, unverified", form=Form.EMAIL),
    _weak("anonymous_id", 400, "匿名标识", "anonymous id", scoped=True),
)


def kinds_with(own: tuple[KindSpec, ...] = ()) -> Kinds:
    """The table in force: what is shipped and the brand's own kinds."""
    return Kinds({spec.name: spec for spec in (*BUILTIN, *own)})


def check_kind(spec: KindSpec, kinds: Kinds) -> None:
    """Raise IdentityProblem unless an own kind may be declared so."""

    def refuse(code: str, message: str, remedy: str) -> None:
        raise IdentityProblem(code, message, where=spec.name, remedy=remedy)

    if not is_kind_name(spec.name):
        refuse("identity.kind_name", f"{spec.name!r} can't name a kind", "use a-z, 0-9 and _, a letter first")
    if spec.name in kinds:
        refuse("identity.kind_exists", f"{spec.name} is declared already", "declare another name")
    if len(kinds.specs) >= len(BUILTIN) + OWN_KINDS_COUNT_MAX:
        refuse("identity.kinds_too_many", f"there are {OWN_KINDS_COUNT_MAX} kinds of your own", "use one of them")
    if spec.personal and spec.weak:
        refuse("identity.kind_shape", "a personal kind can't be weak", "make it shared and weak, or personal")
    if spec.weak and (spec.unique or spec.cap):
        refuse("identity.kind_shape", "a weak kind is neither unique nor capped", "leave unique and cap out")
    if spec.personal and spec.cap:
        refuse("identity.kind_shape", "a cap is for kinds that people may share", "leave the cap out")
    if not (0 <= spec.cap <= LINKS_COUNT_MAX and 1 <= spec.rank <= RANK_MAX):
        told = f"rank lies between 1 and {RANK_MAX}, cap between 0 and {LINKS_COUNT_MAX}"
        refuse("identity.kind_shape", told, "mend the number")


def is_kind_name(name: str) -> bool:
    """Whether a kind may be called so."""
    return len(name) <= NAME_CHARS_MAX and _NAME.fullmatch(name) is not None
