"""What payers read, in Chinese and English."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

from openteller_sandbox import clock

LOCALES = ("zh-CN", "en")

_TEXTS: dict[str, tuple[str, str]] = {
    "bank": ("示范银行", "Demo Bank"),
    "watermark": ("沙箱演示 · 不是真实交易", "Sandbox · no real money"),
    "title": ("生活缴费", "Bill payment"),
    "code4_label": ("核对码", "Check code"),
    "code4_help": (
        "与您在聊天中看到的四位数字一致，才是您要的页面。",
        "It must be the four digits that you saw in the chat.",
    ),
    "asked_by": ("由以下应用发起", "Requested by"),
    "biller": ("缴费单位", "Biller"),
    "any_biller": ("在下一步选择", "You choose it in the next step"),
    "start": ("开始缴费", "Begin"),
    "safety": (
        "本页由银行提供。银行绝不会通过聊天索取密码、验证码或账户号码。",
        "This page is the bank's. The bank never asks for a password, a code or an account number in a chat.",
    ),
    "link_check": ("这是本行的链接吗？", "Is this link ours?"),
    "rates": ("今日利率与牌价", "Rates"),
    "rates_all": ("全部利率与牌价", "All rates"),
    "rates_day": ("日期", "Day"),
    "rates_show": ("查看", "Show"),
    "rates_no_day": (
        "没有这一天的利率：请选择今天或以前的日期。",
        "There are no rates of that day: choose today or a day before it.",
    ),
    "rates_fx": ("外汇牌价", "Foreign exchange"),
    "rates_fx_help": ("每 100 外币折合人民币。", "Yuan for 100 of each currency."),
    "rates_published": ("发布时间", "Published"),
    "rates_indicative": ("柜台已休息，仅供参考。", "The counters are closed: for information only."),
    "rates_carried": ("沿用中间价，公布日", "Middle carried on from"),
    "rates_lpr_carried": ("沿用 LPR，公布日", "LPR carried on from"),
    "rates_currency": ("货币", "Currency"),
    "rates_tt_buy": ("现汇买入", "Bank buys"),
    "rates_tt_sell": ("现汇卖出", "Bank sells"),
    "rates_notes_buy": ("现钞买入", "Bank buys notes"),
    "rates_notes_sell": ("现钞卖出", "Bank sells notes"),
    "rates_middle": ("中间价", "Middle"),
    "rates_deposits": ("存款利率", "Deposits"),
    "rates_loans": ("贷款利率", "Loans"),
    "rates_loans_help": (
        "年化利率按最长期限、按月还款的内部收益率计算。",
        "APR is the internal rate of return over the longest term, paid monthly.",
    ),
    "rates_product": ("产品", "Product"),
    "rates_a_year": ("年利率", "A year"),
    "rates_annualised": ("年化", "APR"),
    "rates_history": ("走势", "How it went"),
    "rates_span": ("时间范围", "Time"),
    "rates_span_month": ("一个月", "1 month"),
    "rates_span_quarter": ("三个月", "3 months"),
    "rates_span_year": ("一年", "1 year"),
    "rates_span_all": ("全部", "All"),
    "rates_chart": ("中间价，每 100 外币折合人民币元。", "Middle, yuan for 100 of the currency."),
    "rates_chart_carried": ("虚线：周末和节假日沿用前一公布日。", "Dashed: carried on over weekends and holidays."),
    "rates_lowest": ("最低", "Lowest"),
    "rates_highest": ("最高", "Highest"),
    "rates_latest": ("最新", "Latest"),
    "rates_table": ("以表格查看", "As a table"),
    "rates_star": ("沿用以前公布的中间价。", "The middle is that of an earlier day."),
    "rates_json": ("以 JSON 查看", "As JSON"),
    "rates_disclaimer": (
        "演示数据：中间价由欧洲央行参考汇率套算，利率和买卖价差为示范银行自定，不构成要约。",
        "Demo data: middles are crossed from ECB reference rates; rates and spreads are Demo Bank's own. No offer.",
    ),
    "what": ("缴什么费？", "What do you pay?"),
    "category": ("类别", "Kind"),
    "city": ("城市", "City"),
    "choose_biller": ("选择缴费单位", "Choose the biller"),
    "no_biller": (
        "这座城市暂时没有这类缴费单位，请换一个。",
        "There is no such biller in this city yet. Please choose again.",
    ),
    "account": ("填写账户信息", "Your account"),
    "account_help": (
        "只在本页填写，不会告诉发起缴费的应用。",
        "Only for this page; the app that sent you does not see it.",
    ),
    "example": ("示例", "Example"),
    "optional_group": ("以下只填一项", "Fill in exactly one of these"),
    "sign_in": ("登录", "Sign in"),
    "customer_number": ("客户号", "Customer number"),
    "demo_code": ("演示码", "Demo code"),
    "demo_hint": ("沙箱中的演示客户（公开）", "Demo customers of the sandbox (public)"),
    "digits": ("核对账户", "Confirm the account"),
    "digits_help": (
        "应用已填好账户。请输入您的账户号码的后四位，确认是您要缴的账户。",
        "The app has filled in the account. Type the last four digits of your account number to show that it is yours.",
    ),
    "digits_label": ("后四位", "Last four digits"),
    "bills": ("选择账单", "Choose bills"),
    "bills_oldest_first": (
        "该单位要求从最早的账单缴起，中间不能跳过。",
        "This biller takes the oldest bill first, and none may be left out in between.",
    ),
    "amount": ("缴费金额", "Amount"),
    "change_amount": ("修改金额", "Change the amount"),
    "amount_yuan": ("金额（元）", "Amount (CNY)"),
    "between": ("允许范围", "Allowed"),
    "steps": ("递增单位", "in steps of"),
    "balance": ("当前余额", "Balance"),
    "plans": ("套餐", "Plans"),
    "confirm": ("确认缴费", "Confirm"),
    "account_ref": ("缴费账户", "Account"),
    "period": ("账期", "Period"),
    "due": ("截止日", "Due"),
    "paid_before": ("此前已缴", "Paid before"),
    "penalty": ("其中违约金", "Of it, late penalty"),
    "fee": ("手续费", "Fee"),
    "no_fee": ("免手续费", "No fee"),
    "total": ("合计", "Total"),
    "payer": ("付款人", "Payer"),
    "available": ("可用余额", "Available"),
    "pay": ("确认支付", "Pay"),
    "next": ("下一步", "Next"),
    "back": ("重新选择", "Choose again"),
    "cancel": ("暂不缴费", "Not now"),
    "wait": ("缴费单位正在查询，请稍候…", "The biller is looking it up, please wait…"),
    "wait_help": ("页面会自动刷新。", "This page reloads by itself."),
    "reload": ("刷新", "Reload"),
    "nothing_due": ("没有待缴账单", "Nothing is due"),
    "nothing_due_help": ("该账户目前没有需要缴纳的费用。", "There is nothing to pay for this account now."),
    "done": ("缴费成功", "Paid"),
    "done_help": ("缴费单位已入账。", "The biller has posted it."),
    "authorised": ("已冻结款项，即将送缴费单位", "Held, about to be sent to the biller"),
    "processing": ("已扣款，正在入账", "Debited, being posted"),
    "unknown": ("已扣款，缴费单位暂未答复", "Debited, the biller has not answered yet"),
    "unknown_help": (
        "请不要重复缴费。银行会向缴费单位查询：入账则完成，未入账则全额退回。",
        "Please do not pay again. The bank asks the biller: it is either posted, or you get everything back.",
    ),
    "refund_pending": ("未能入账，正在退款", "Not posted, your money is on its way back"),
    "reversed": ("缴费单位已退回，正在退款", "Taken back by the biller, your money is on its way back"),
    "not_sent": ("未送缴费单位，正在解除冻结", "Not sent to the biller, your money is being released"),
    "refund_failed": ("退款未能入账", "Your account could not be credited"),
    "refund_failed_help": (
        "款项由银行保管。银行明早再试一次，仍不成功则由柜员人工支付给您。",
        "The bank keeps your money. It tries once more in the morning; if that fails, a clerk pays you by hand.",
    ),
    "refunded": ("已退款", "Refunded"),
    "refunded_help": ("款项已退还给您。", "You have your money back."),
    "refund": ("退款金额", "Refund"),
    "fee_kept": ("入账后不退", "not refunded once posted"),
    "receipt": ("电子回单", "Receipt"),
    "receipt_number": ("回单号", "Receipt number"),
    "verification_code": ("验证码", "Verification code"),
    "in_words": ("金额大写", "In words"),
    "paid_at": ("缴费时间", "Paid at"),
    "value_date": ("起息日", "Value date"),
    "biller_reference": ("缴费单位流水", "Biller's reference"),
    "receipt_refunded": ("这笔缴费已经退款：", "This payment was refunded:"),
    "receipt_refunding": ("这笔缴费正在退款：", "This payment is being refunded:"),
    "pdf_make": ("制作 PDF 回单", "Make a PDF"),
    "pdf_preparing": ("正在制作 PDF，几秒后自动刷新…", "The PDF is being prepared; this page reloads by itself…"),
    "pdf_download": ("下载 PDF 回单", "Download the PDF"),
    "pdf_failed": ("PDF 未能制作，请再试一次。", "The PDF could not be made. Please try again."),
    "result_back": ("返回", "Back"),
    "return_to": ("返回应用", "Back to the app"),
    "other_payer": ("此链接已由他人使用。", "Somebody else has used this link."),
    "other_payer_help": (
        "如果是您本人付的款，请用付款时的浏览器打开。要缴费，请在聊天中重新获取链接。",
        "If it was you, open it in the browser in which you paid. To pay a bill, ask for a new link in the chat.",
    ),
    "error": ("无法继续", "This cannot go on"),
    "notice.WRONG_SIGN_IN": ("客户号或演示码不对。", "Customer number or code is wrong."),
    "notice.LOCKED": ("多次输错，请 15 分钟后再试。", "Too many wrong tries. Please come back in 15 minutes."),
    "notice.WRONG_DIGITS": ("后四位不对。", "These are not the last four digits."),
    "notice.INSUFFICIENT_FUNDS": (
        "账户余额不足，未扣款。可换一位客户登录。",
        "The account lacks the money; nothing was taken. You may sign in as another customer.",
    ),
    "limit.nothing_taken": ("未扣款。", "Nothing was taken."),
    "limit.DAY_AMOUNT": (
        "一位付款人每天最多缴费 {most}，今天还可缴 {left}，{until} 起重新计算。可少缴一些，或到网点办理。",
        "A payer may pay {most} a day; {left} are left until {until}. You may pay less, or come to a branch.",
    ),
    "limit.NEW_ACCOUNTS_DAY": (
        "一位付款人每天最多为 {most} 个从未缴过的账户缴费，{until} 起可继续。以前缴过的账户不受影响。",
        "A payer may pay {most} new accounts a day; go on at {until}. Accounts that you have paid are free.",
    ),
    "limit.NEW_ACCOUNTS_MONTH": (
        "一位付款人 30 天内最多为 {most} 个从未缴过的账户缴费，{until} 起可继续。以前缴过的账户不受影响。",
        "A payer may pay {most} new accounts in 30 days; go on at {until}. Accounts that you have paid are free.",
    ),
    "limit.NEW_PAYERS_DAY": (
        "该{account}今天已由 {most} 位新付款人缴费，新付款人 {until} 起可继续。以前为它缴过费的付款人不受影响。",
        "{most} new payers have paid this account today; go on at {until}. Whoever has paid it before is free.",
    ),
    "limit.NEW_PAYERS_MONTH": (
        "该{account} 30 天内已由 {most} 位新付款人缴费，新付款人 {until} 起可继续。以前为它缴过费的付款人不受影响。",
        "{most} new payers have paid this account in 30 days; go on at {until}. Whoever has paid it before is free.",
    ),
    "limit.ACCOUNTS_PER_PAYER": (
        "一位付款人每天最多查询 {most} 个账户，{until} 起可继续。最近查过的账户仍可缴费。",
        "A payer may look up {most} accounts a day; go on at {until}. Those that you have looked up before are free.",
    ),
    "notice.GAVE_UP": ("您已放弃本次支付，未扣款。", "You gave up; nothing was taken."),
    "notice.UNKNOWN": ("没有这个{account}，请核对。", "There is no such account. Please check the number."),
    "notice.BLOCKED": ("该{account}已停用，请联系缴费单位。", "This account is blocked. Please ask the biller."),
    "notice.WRONG_REGION": (
        "该{account}不属于这个地区的缴费单位。",
        "This account belongs to another region's biller.",
    ),
    "notice.BILLS": (
        "所选账单不能一起缴纳，请从最早的一张选起。",
        "These bills cannot be paid together. Please choose from the oldest on.",
    ),
    "notice.NO_BILL": ("请至少选择一张账单。", "Please choose at least one bill."),
    "notice.FIELD": ("填写的信息有误，请检查标出的项目。", "Please check the marked fields."),
    "fault.check_digit": ("校验位不符，请核对每一位。", "The check digit does not fit: please compare every digit."),
    "fault.field": ("格式不对。", "This does not fit."),
    "notice.FORM": ("页面已过期，请再试一次。", "The page was out of date. Please try again."),
    "authorize": ("授权", "Authorization"),
    "asks_you": ("以下应用请求您的授权", "An app asks for your permission"),
    "app": ("应用", "App"),
    "goes_to": ("之后返回", "Afterwards you go to"),
    "sign_in_to_authorize": (
        "请先登录。登录本身不会授权任何内容。",
        "Please sign in first. Signing in allows nothing yet.",
    ),
    "customer": ("客户", "Customer"),
    "it_may": ("它将可以", "It will be able to"),
    "scope.open-data": ("查询公开信息（网点、利率、缴费单位）", "read open data: branches, rates, billers"),
    "scope.bills:read": ("查询账单", "look up bills"),
    "scope.payments:create": ("生成缴费链接，由您本人付款", "make payment links, which you pay yourself"),
    "scope.payments:read": ("查看它所发起的缴费的进度", "see what became of the payments that it has begun"),
    "scope.disputes:create": ("就它所发起的缴费提出异议", "dispute payments that it has begun"),
    "scope.saved-billers": (
        "保存您的缴费账户，查询其账单，并在您另行授权的额度内缴费",
        "save your accounts at billers, look up what they owe, and pay them within what you allow below",
    ),
    "asks_change": ("以下应用请求更改或延长您的授权", "This app asks you to change or extend what you have allowed"),
    "no_longer_may": ("它将不再可以", "It will no longer be able to"),
    "mandate_ends": ("不再有效的代缴授权", "Paying for you that ends"),
    "rest_stays": ("其余授权内容不变。", "All else that you have allowed stays as it is."),
    "only_longer": ("授权内容不变，只延长有效期。", "What you have allowed stays as it is, only for longer."),
    "uses_at_most": ("可用次数", "Number of payments"),
    "mandate": ("代为缴费", "Paying bills for you"),
    "mandate_help": (
        "在以下限额内，它可以不经您逐次确认，从您的账户缴费。每次缴费银行都会通知您。",
        "Within these limits it can pay from your account without asking you each time. The bank tells you of each.",
    ),
    "mandate_billers": ("只限以下缴费单位", "These billers only"),
    "each_at_most": ("每次最多", "Each payment at most"),
    "most_in.DAY": ("每天最多", "Each day at most"),
    "most_in.WEEK": ("每周最多", "Each week at most"),
    "most_in.MONTH": ("每月最多", "Each month at most"),
    "most_in.YEAR": ("每年最多", "Each year at most"),
    "most_in_period": ("每天、每月或每年最多", "Each day, month or year at most"),
    "alignment.CONSENT": ("自授权日起算", "counted from the day of your permission"),
    "alignment.CALENDAR": ("按日历计算", "by the calendar"),
    "no_periodic_limit": ("不限金额", "No limit"),
    "valid_from": ("生效日", "From"),
    "valid_to": ("截止日", "Until"),
    "permission_until": ("授权有效至", "The permission ends on"),
    "all_or_nothing": (
        "全部同意，或全部拒绝。您可以随时在本行的“我的授权与缴费”页面撤销。",
        "Allow all of it or nothing. You can take it back at any time, on the bank's page of your permissions.",
    ),
    "approve": ("同意授权", "Allow"),
    "refuse": ("拒绝", "Refuse"),
    "notice.OTHER_CUSTOMER": (
        "这个请求只能由绑定该社交账号的客户答复。",
        "Only the customer with whom the social account is linked can answer this request.",
    ),
    "device": ("连接设备", "Connect a device"),
    "user_code": ("设备上显示的代码", "The code that the device shows"),
    "user_code_help": ("八个字母，例如 BCDF-GHJK。", "Eight letters, such as BCDF-GHJK."),
    "device_warning": (
        "只有您自己在设备上发起时才继续。如果代码是别人发给您的，请拒绝。",
        "Go on only if you began this on your device yourself. If somebody sent you the code, refuse.",
    ),
    "notice.USER_CODE": (
        "没有设备显示这个代码，或者它已过期。",
        "No device shows this code, or it is too old.",
    ),
    "decided": ("已处理", "Already answered"),
    "decided_help": ("您已答复此请求，可以关闭本页。", "You have answered this request. You can close this page."),
    "not_authorized": ("无法授权", "This cannot be authorized"),
    "not_authorized_help": (
        "这个链接无效、已过期或已使用过。请回到应用重新开始。",
        "This link is not valid, is too old, or was used before. Please go back to the app and begin again.",
    ),
    "mine": ("我的授权与缴费", "My permissions and payments"),
    "mine_help": (
        "登录后可查看并撤销您给应用的授权，查看缴费并下载回单。",
        "Signed in, you see and take back what you have allowed apps, and find your payments and receipts.",
    ),
    "sign_out": ("退出登录", "Sign out"),
    "account_links": ("已绑定的社交账号", "Linked social accounts"),
    "no_account_links": ("您没有绑定社交账号。", "You have linked no social account."),
    "linked_since": ("绑定时间", "Linked since"),
    "unlink": ("解除绑定", "Unlink"),
    "unlink_of": ("解除绑定 {account}", "Unlink {account}"),
    "unlink_help": (
        "解除后立即生效：这个账号不再代表您，您经由它给出的授权也同时撤销。",
        "It holds at once: the account stands for you no more, and what you have allowed through it ends, too.",
    ),
    "unlink_now": ("确认解除", "Yes, unlink it"),
    "done.unlinked": ("已解除绑定。", "Unlinked."),
    "permissions": ("应用授权", "What apps may do"),
    "no_permissions": ("您没有给任何应用授权。", "You have allowed no app anything."),
    "permissions_ended": ("已结束的授权", "Permissions that have ended"),
    "since": ("授权日期", "Since"),
    "until": ("有效至", "Until"),
    "last_used": ("最近使用", "Last used"),
    "never_used": ("尚未使用", "Not yet"),
    "ends_soon": ("将在 {days} 天内到期", "Ends within {days} days"),
    "ends_tomorrow": ("将在 24 小时内到期", "Ends within 24 hours"),
    "asked_of_you": ("等待您答复", "Waiting for your answer"),
    "asked_longer": ("“{app}”请求将授权延长至 {until}", "{app} asks to extend your permission until {until}"),
    "extending": ("延长授权", "Extend a permission"),
    "extending_sign_in": (
        "有应用请求延长您给它的授权。请先登录；登录本身不会同意任何内容。",
        "An app asks you to extend what you have allowed it. Please sign in first: that agrees to nothing.",
    ),
    "extend_question": ("是否延长这项授权？", "Extend this permission?"),
    "extend_from": ("目前有效至", "Ends now on"),
    "extend_until": ("延长后有效至", "Would end on"),
    "extend_what": ("这项授权的内容", "What you have allowed"),
    "extend_same": (
        "只延长时间，授权内容不变。您可以随时在“我的授权与缴费”页面撤销。",
        "Only the time changes, not what you have allowed. You can take it back on your own page at any time.",
    ),
    "extend": ("同意延长", "Extend it"),
    "do_not_extend": ("不延长", "Do not extend it"),
    "extended": ("已延长", "Extended"),
    "not_extended": ("已拒绝，授权不变", "Refused: nothing has changed"),
    "extension_gone": ("这个请求已失效", "This request is over"),
    "extension_gone_help": (
        "它已过期、被新的请求取代，或者授权已结束。授权没有改变。",
        "It is too old, another one has taken its place, or the permission has ended. Nothing has changed.",
    ),
    "to_mine": ("查看我的授权", "See my permissions"),
    "revoke": ("撤销授权", "Take it back"),
    "revoke_of": ("撤销对“{app}”的授权", "Take back what {app} may do"),
    "revoke_help": (
        "撤销后立即生效，该应用不能再代您操作。已完成的缴费不受影响。",
        "It holds at once: the app can do nothing for you any more. Payments that were made stay made.",
    ),
    "revoke_now": ("确认撤销", "Yes, take it back"),
    "done.revoked": ("已撤销。该应用不能再代您操作。", "Taken back. The app can do nothing for you any more."),
    "done.signed_out": ("已退出登录。", "You have signed out."),
    "status.REVOKED": ("已撤销", "Taken back"),
    "status.EXPIRED": ("已到期", "Ended by itself"),
    "status.CONSUMED": ("已用完", "Used up"),
    "reminders": ("待缴账单", "Bills to pay"),
    "due_until": ("请于 {day} 前缴费", "due by {day}"),
    "reminder_again": ("{at} 再提醒您", "You will be reminded again at {at}"),
    "reminder_paying": ("正在缴费", "A payment is under way"),
    "reminder_go_on": ("继续缴费", "Go on paying"),
    "remind_pay": ("去缴费", "Pay it"),
    "remind_later": ("稍后提醒", "Remind me later"),
    "remind_on": ("哪天提醒", "On which day"),
    "remind_decline": ("不再提醒", "Do not remind me"),
    "remind_decline_help": (
        "这张账单不再提醒；缴费单位不会得知，欠费仍需缴纳。",
        "You are not reminded of this bill again. The biller is told nothing, and what is owed stays owed.",
    ),
    "remind_decline_now": ("确认不再提醒", "Yes, remind me no more"),
    "done.postponed": ("到时再提醒您。", "You will be reminded then."),
    "done.declined": ("这张账单不再提醒。", "You are not reminded of this bill again."),
    "notice.REMINDER_GONE": (
        "这张账单已缴清、正在缴费，或提醒已处理。",
        "This bill is paid, being paid, or its reminder was answered already.",
    ),
    "notice.REMINDER_CHANGED": (
        "账单金额已变化，现已更新，请核对后再缴费。",
        "The bill has changed. What it is now stands below; look at it, and pay then.",
    ),
    "notice.REMINDER_OLDER": (
        "该缴费单位须先缴较早的账单，或一次缴清全部账单。",
        "This biller takes older bills first, or all of them at once.",
    ),
    "notice.REMINDER_DAY": ("请选择所示范围内的日期。", "Please choose one of the days that are offered."),
    "notice.REMINDER_NOT_NOW": (
        "缴费单位现在不能受理，请稍后再试。",
        "The biller cannot take this now. Please try again later.",
    ),
    "saved_billers": ("应用为您保存的缴费账户", "Accounts that apps have saved for you"),
    "forget": ("删除", "Delete"),
    "forget_of": ("删除 {account}", "Delete {account}"),
    "forget_help": (
        "银行立即忘记这个户号，该应用不能再为它查询或缴费。已完成的缴费不受影响。",
        "The bank forgets this number at once: the app cannot look it up or pay it. Payments that were made stay made.",
    ),
    "forget_now": ("确认删除", "Yes, delete it"),
    "done.forgotten": ("已删除。", "Deleted."),
    "notices": ("银行通知", "What the bank has told you"),
    "told.MANDATE_USED": (
        "“{app}”按您的授权，为 {account} 向{biller}缴费 {amount}。",
        "{app} has paid {amount} to {biller} for {account}, as you have allowed.",
    ),
    "by_mandate": ("按授权代缴", "paid for you"),
    "my_payments": ("缴费记录", "Payments"),
    "no_payments": ("没有缴费记录。", "There are no payments."),
    "older": ("更早的缴费", "Earlier payments"),
    "newest": ("最近的缴费", "Latest payments"),
    "payment_detail": ("缴费详情", "Payment"),
    "paid_when": ("时间", "When"),
    "export": ("导出我的数据", "Export my data"),
    "export_json": ("全部数据（JSON）", "Everything (JSON)"),
    "export_csv": ("缴费记录（CSV）", "Payments (CSV)"),
    "export_help": (
        "文件含完整的缴费账户，请妥善保管。",
        "The files have your account numbers in full: keep them safe.",
    ),
    "linking": ("绑定社交账号", "Link a social account"),
    "link_asks": ("绑定社交账号与客户号", "Link a social account with you as a customer"),
    "link_warning": (
        "只有您自己刚刚在聊天中要求绑定时才继续。如果链接是别人发给您的，请关闭本页。",
        "Go on only if you have just asked for this in the chat yourself. If somebody sent you the link, do not.",
    ),
    "channel": ("平台", "Platform"),
    "channel.weibo": ("微博", "Weibo"),
    "channel.wechat": ("微信", "WeChat"),
    "channel.qq": ("QQ", "QQ"),
    "channel.email": ("电子邮箱", "E-mail"),
    "channel.feishu": ("飞书", "Feishu"),
    "asked_from": ("来自您的账号", "From your account"),
    "link_begin": ("开始绑定", "Begin"),
    "sign_in_to_link": (
        "请先登录。登录本身不会绑定任何账号。",
        "Please sign in first. Signing in links nothing yet.",
    ),
    "link_question": ("这是您的账号吗？", "Is this your account?"),
    "social_account": ("社交账号", "Social account"),
    "link_warning_approve": (
        "如果以上不是您自己的账号，请不要绑定：否则对方在聊天中会被当作您。",
        "If this is not your own account, do not link it: in the chat its holder would be taken for you.",
    ),
    "link_means": (
        "绑定后，该应用知道这个账号属于本行的一位客户，不会得到您的姓名、客户号或账户。",
        "The app will know that this account belongs to a customer of the bank; not your name, number or accounts.",
    ),
    "link_next": (
        "绑定本身不能付款，也不能查询。需要时，应用会另外请您授权。",
        "Linking alone pays nothing and shows nothing. For that the app has to ask for your permission separately.",
    ),
    "link_can_end": (
        "您随时可以在本行或在聊天中解除绑定。",
        "You can end the link at any time, at the bank or in the chat.",
    ),
    "link_approve": ("是我的账号，绑定", "It is mine: link it"),
    "link_refuse": ("不绑定", "Do not link"),
    "link_last_step": ("还差一步", "One more step"),
    "link_send_back": (
        "请在 10 分钟内，用这个社交账号在您开始绑定的聊天中发送以下绑定码。确认后绑定才生效。",
        "Within 10 minutes send this code from that account, in the chat where you began. Only then it is linked.",
    ),
    "link_nonce": ("绑定码", "Linking code"),
    "link_go_back": (
        "请在 10 分钟内返回应用，完成最后一步。确认后绑定才生效。",
        "Go back to the app within 10 minutes for the last step. Only then it is linked.",
    ),
    "link_nonce_warning": (
        "只在您自己开始绑定的聊天中发送，不要告诉其他任何人。谁向您索取绑定码，谁就是骗子。",
        "Send it only where you began yourself, and tell nobody else. Whoever asks you for it is a fraud.",
    ),
    "link_gone": ("这个绑定链接已失效", "This link is no longer good"),
    "link_gone_help": (
        "它已过期、已被答复，或不是本行发出的。要绑定，请在聊天中重新开始。",
        "It is too old, has been answered, or is not the bank's. To link your account, begin again in the chat.",
    ),
    "check_title": ("这是本行的链接吗？", "Is this link ours?"),
    "check_label": ("粘贴链接，或整条聊天消息", "Paste the link, or the whole message"),
    "check_submit": ("核对", "Check"),
    "check_ours": ("是本行发出的缴费链接。", "Yes: this bank issued this payment link."),
    "check_page": (
        "是本行的页面，但不是缴费链接。请登录后看清内容；不是您自己要求的，请不要同意。",
        "Yes: a page of this bank, though no payment link. Read what it asks, and agree only if you began it yourself.",
    ),
    "check_not_ours": (
        "不是本行的链接，请勿打开或付款。",
        "No: this is not a link of this bank. Do not open it, do not pay.",
    ),
    "check_mixed": (
        "消息中还有不是本行的链接，请勿打开或付款。",
        "No: the message also has a link that is not of this bank. Do not open it, do not pay.",
    ),
    "check_prefix": ("本行缴费链接都以此开头", "Every payment link of this bank begins with"),
    "receipt_check": ("这是本行的回单吗？", "Is this receipt ours?"),
    "receipt_compare": (
        "请与您手中的回单逐项核对，有一处不同就不是这张回单。",
        "Compare this with the receipt that you were shown: if one line differs, it is another one.",
    ),
    "receipt_check_another": ("核验另一张回单", "Check another receipt"),
    "receipt_check_help": (
        "核验结果不显示付款人和缴费账户。",
        "Nobody is told here who has paid, or for which account.",
    ),
    "official": ("本行官方账号", "The bank's official accounts"),
}

Translate = Callable[[str], str]
_CHANNELS = frozenset(name.removeprefix("channel.") for name in _TEXTS if name.startswith("channel."))


def translator(locale: str) -> Translate:
    """Give a function from a text's name to the text."""
    index = LOCALES.index(locale)
    return lambda name: _TEXTS[name][index]


def channel_name(channel: str, t: Translate) -> str:
    """Give the name of a social platform, which is its code where it has none here."""
    return t(f"channel.{channel}") if channel in _CHANNELS else channel


def notice(name: str | None, t: Translate, account: str) -> str | None:
    """Write what a session has to tell its payer: ``LIMIT`` with name, most, left and until, or a notice's name.

    account: what the biller calls an account.
    """
    if not name:
        return None
    if not name.startswith("LIMIT "):
        return t(f"notice.{name}").replace("{account}", account)
    limit, most, left, until = name.split()[1:]
    is_sum = limit == "DAY_AMOUNT"
    explained = t(f"limit.{limit}").format(
        account=account,
        most=_yuan(most) if is_sum else most,
        left=_yuan(left),
        until=f"{clock.to_datetime(int(until)):%Y-%m-%d %H:%M}",
    )
    return f"{t('limit.nothing_taken')} {explained}"


def _yuan(minor: str) -> str:
    return f"¥{Decimal(minor) / 100:,.2f}"


def names() -> frozenset[str]:
    """Give every text's name."""
    return frozenset(_TEXTS)
