"""The OpenAPI document speaks by example: what is asked and what is answered, of one customer of a flower shop."""

from __future__ import annotations

from typing import Any

from onethread.conversation import bench_examples

ANA, MARA, LAMP, WHERE, ACT = (
    "0f5c2f5e-6f0c-4e53-9d3a-5a2f6c1f7b10", "7b1d1f7e-0b1e-4c57-8a39-1c9f3f0f5c22",
    "b3a9d1c4-2f1e-4a6b-9c8d-7e6f5a4b3c33", "c4d5e6f7-1a2b-4c3d-8e4f-5a6b7c8d9e44",
    "d5e6f7a8-2b3c-4d4e-9f5a-6b7c8d9e0f55",
)  # fmt: skip
AT, LATER = "2026-11-23T09:14:05Z", "2026-11-23T09:15:30Z"
BY_MARA = {"kind": "teammate", "id": MARA, "name": "Mara Lind"}
IDENTITY = {"kind": "email", "value": "ana@pineandpaper.example", "trust": "verified", "evidence": "dmarc=pass"}
WIDGET = {"id": "local", "kind": "widget"}
PRIVATE = {"shared": False, "name": None}

THREAD: dict[str, Any] = {
    "id": LAMP, "status": "open", "snoozed_until": None, "topic": "delivery",
    "customer": {"id": ANA, "name": "Ana Ruiz", "email": "ana@pineandpaper.example"}, "channel": WIDGET,
    "trust": "verified", "verdict": "verified", "machine": None, "assignee": {"id": MARA, "name": "Mara Lind"},
    "agent": "quiet", "agent_set": {"by": BY_MARA, "at": LATER}, "handoff": None, "tags": ["lamp"],
    "priority": "normal", "waiting_since": None, "sequence": 7,
    "last_message": {"text": "It is on its way.", "author": BY_MARA, "created_at": LATER},
    "version": 4, "previous_thread_id": None, "merged_into_id": None, "home_id": ANA,
    "side_of_id": None, "created_at": AT, "updated_at": LATER,
}  # fmt: skip
MESSAGE: dict[str, Any] = {
    "id": WHERE, "thread_id": LAMP, "customer_id": ANA, "sequence": 2, "position": 1763889245000000, "note": False,
    "channel": WIDGET, "author": {"kind": "customer", "id": None, "name": "Ana Ruiz"}, "identity": IDENTITY,
    "audience": PRIVATE, "subject": None, "text": "Where is my lamp?", "html": None, "attachments": [], "sources": [],
    "delivery": None, "feedback": None, "created_at": AT, "client_id": None, "machine": None,
    "remarks": [], "may_belong_to": None, "verdict": None, "warnings": [],
}  # fmt: skip
UPLOADED = {
    "id": "c1d2e3f4-8b9c-4d0e-9f1a-2b3c4d5e6f78", "name": "Invoice.pdf", "type": "application/pdf", "size": 48_213,
    "sha256": "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", "inline": False,
}  # fmt: skip
PROFILE: dict[str, Any] = {
    "id": ANA, "name": "Ana Ruiz", "email": "ana@pineandpaper.example", "language": "es", "time_zone": "Europe/Madrid",
    "attributes": {"plan": "gold"}, "company": None,
    "identities": [IDENTITY | {"id": "e6f7a8b9-3c4d-4e5f-8a6b-7c8d9e0f1a66", "customer_id": ANA}], "claims": [],
    "maybe": [], "merges": [],
    "threads": [
        {"id": LAMP, "status": "open", "subject": None, "topic": "delivery", "created_at": AT, "updated_at": LATER}
    ],
    "version": 3, "erased_at": None, "created_at": AT,
}  # fmt: skip
OTHER = {"id": "f7a8b9c0-4d5e-4f6a-9b7c-8d9e0f1a2b77", "name": "Ana R.", "email": None}
ACTED: dict[str, Any] = {
    "id": ACT, "kind": "split", "how": "teammate", "reason": "", "customer_id": ANA, "other_id": None,
    "thread_id": LAMP, "other_thread_id": "a8b9c0d1-5e6f-4a7b-8c8d-9e0f1a2b3c88", "messages": 2, "by": BY_MARA,
    "at": LATER, "undone": None,
}  # fmt: skip

SIGNED_IN = {
    "id": MARA, "name": "Mara Lind", "email": "mara@shop.example", "workspace": "local", "scopes": ["read", "write"],
}  # fmt: skip
TEAMMATE = {
    "id": MARA, "name": "Mara Lind", "email": "mara@shop.example", "role": "teammate", "active": True, "version": 2,
    "created_at": AT,
}  # fmt: skip
CHANNEL = {
    "id": "widget-5f0c1d2e3a4b5c6d", "kind": "widget", "name": "Shop", "active": True,
    "settings": {"origins": ["https://shop.example"], "greeting": "Hello!", "brand": None}, "version": 1,
    "created_at": AT,
}  # fmt: skip
ADDRESS = {
    "id": "email-local", "address": "support@shop.example", "domain": "shop.example", "name": "Support address",
    "installation": True, "active": True, "display_name": "Support", "sender": "{name} at Pine & Paper",
    "signature": "**{name}**, Pine & Paper", "quotes_history": True, "receipt": False, "asks_rating": True,
    "plus_addresses": True, "aliases": ["help@shop.example"], "version": 2,
}  # fmt: skip
IMAP = {
    "host": "imap.gmail.com", "port": 993, "security": "tls", "user": "support@shop.example", "folder": "INBOX",
    "after": "nothing", "authserv_id": "mx.google.com", "token_url": "", "client_id": "",
    "signed_in_as": "",
}  # fmt: skip
WAYS = {
    "imap": IMAP, "operators_mailbox": None, "secrets": ["imap_password", "inbound_postmark"], "answers": True,
    "providers": [{
        "name": "postmark", "url": "https://mail.shop.example/inbound/postmark/email-local", "is_set": True,
        "by_operator": False,
    }],
    "sign_ins": [{
        "name": "google", "redirect_uri": "https://inbox.shop.example/inbox/email/addresses/google",
        "client_id": "123-abc.apps.googleusercontent.com", "is_used": False, "tenant": "",
    }],
    "state": {
        "read_at": LATER, "waiting": 0, "has_idle": True, "error": None, "since": None, "sign_in_again": False,
    },
    "version": 3,
}  # fmt: skip
DKIM = "v=DKIM1; k=rsa; p=MIIBIjANBgkqhkiG9w0BAQEFAAOCAQ8AMIIB"
DOMAIN = {
    "domain": "shop.example",
    "keys": [
        {"selector": "ot20261126a", "created_at": AT, "seen_at": LATER, "in_use": True, "keep_until": None},
    ],
    "records": [{
        "kind": "dkim", "type": "TXT", "name": "ot20261126a._domainkey.shop.example", "value": DKIM, "found": [DKIM],
        "state": "right", "words": "Receivers can check our signature.", "selector": "ot20261126a",
    }],
}  # fmt: skip
KEY = {
    "id": "a9b0c1d2-6f7a-4b8c-9d9e-0f1a2b3c4d99", "name": "CRM sync", "scopes": ["read", "write"],
    "created_by": "Mara Lind", "created_at": AT, "expires_at": "2027-11-23T00:00:00Z", "last_used_at": LATER,
}  # fmt: skip
AGENT = {
    "modes": {"widget": "shadow", "email-local": "draft"}, "confidence": 0.8, "reserved_topics": ["legal"],
    "max_turns": 6, "monthly_budget": 50.0,
    "hours": {
        "timezone": "Europe/Berlin", "closed_on": ["2026-12-25"],
        "openings": [{"days": ["mon", "fri"], "opens": "09:00:00", "closes": "17:00:00"}],
    },
}  # fmt: skip
WORKSPACE: dict[str, Any] = {
    "id": "acme", "slug": "acme", "name": "Acme Inc.",
    "settings": {
        "reopen_days": 7, "unseen_reply_minutes": None, "undo_seconds": 10, "approval_hours": 48, "agent": AGENT,
    },
    "version": 3, "created_at": AT,
}  # fmt: skip
MERGED = {
    "id": 41, "at": LATER, "by": BY_MARA, "action": "customer.merged", "target": ANA,
    "detail": {"other": OTHER["id"], "how": "teammate", "act": ACT},
}  # fmt: skip


DRAFT: dict[str, Any] = {
    "id": "e5f6a7b8-3c4d-4e5f-8a6b-7c8d9e0f1a66", "thread_id": LAMP, "message_id": WHERE, "channel": WIDGET,
    "audience": PRIVATE, "mode": "draft", "decision": "answer", "handoff": None,
    "text": "Delivery takes three working days.",
    "sources": [{"title": "Delivery times", "url": "https://shop.example/d", "document_id": "d", "score": 0.91}],
    "confidence": 0.88, "topic": "Delivery times", "reason": "An article answers it.", "summary": "",
    "suggested_reply": "", "tags": [],
    "usage": [{"model": "small-1", "input_tokens": 812, "output_tokens": 64, "cost": 0.0004}], "state": "open",
    "dismissal": None, "reply_id": None, "by": None, "likeness": None, "created_at": LATER, "settled_at": None,
}  # fmt: skip
COUNTED: dict[str, Any] = {
    "questions": 120, "answered": 84, "clarified": 6, "handed_off": 30, "handoffs": {"unsure": 18, "person": 12},
    "states": {"silent": 120}, "modes": {"shadow": 120}, "compared": 71, "compared_by_words": 0,
    "median_likeness": 0.86, "alike": 52, "input_tokens": 97_440, "output_tokens": 7_680, "cost": 0.048,
}  # fmt: skip
ENDED: dict[str, Any] = {
    "answered_last": 61, "confirmed": 22, "assumed": 30, "reopened": 4, "negative": 2, "pending": 3, "taken_over": 5,
    "handed_off": 30,
}  # fmt: skip
PERIOD = {"since": "2026-10-24T00:00:00Z", "until": "2026-11-23T00:00:00Z"}
TOOL: dict[str, Any] = {
    "name": "order_status", "title": "our order system", "description": "Where an order is.",
    "examples": ["where is my order 1042?", "wo ist meine Bestellung 1042?"], "method": "GET",
    "url": "https://api.shop.example/orders/{order}", "headers": {}, "bindings": {"email": "email"}, "access": "reads",
    "parameters": {
        "type": "object", "required": ["order"],
        "properties": {"order": {"type": "string", "title": "order number", "pattern": "^[0-9]{4,8}$"}},
    },
    "identified": True, "approval": True, "owner": None, "fields": {"status": "/status"},
    "answer": "Your order {order} is {status}.", "seconds": 5.0, "kilobytes": 64,
}  # fmt: skip
SHOWN_TOOL = TOOL | {
    "id": "b0c1d2e3-7a8b-4c9d-8e0f-1a2b3c4d5e77", "active": True, "secret_header_names": ["Authorization"],
    "version": 1, "created_at": AT,
}  # fmt: skip
CALL = {
    "id": "c1d2e3f4-8b9c-4d0e-9f1a-2b3c4d5e6f88", "tool_id": SHOWN_TOOL["id"], "title": "our order system",
    "thread_id": LAMP, "message_id": WHERE, "state": "waits", "wants": "cancel order: order 1042", "reason": "",
    "status": None, "milliseconds": None, "by": None, "created_at": LATER, "settled_at": None,
}  # fmt: skip


def page(*items: Any) -> dict[str, Any]:
    return {"items": list(items), "next": None}


BY_NAME: dict[str, dict[str, Any]] = bench_examples.BY_NAME | {
    "Login": {"email": "mara@shop.example", "password": "correct horse battery", "workspace": "local"},
    "SignedIn": SIGNED_IN,
    "OwnPatch": {"password": "staple battery horse", "current_password": "correct horse battery"},
    "Thread": THREAD,
    "Threads": page(THREAD),
    "AddressView": ADDRESS,
    "Addresses": page(ADDRESS),
    "WaysView": WAYS,
    "WaysPatch": {"imap": IMAP, "secrets": {"imap_password": "…"}},
    "WantedMailbox": {"imap": IMAP, "secrets": {"imap_password": "…"}},
    "MailboxChecked": {
        "ok": True,
        "words": ["Signed in as support@shop.example. The folder INBOX can be read.", "2 new mails wait there."],
    },
    "WantedSignIn": {"provider": "google", "user": "support@shop.example"},
    "SignInBegun": {"url": "https://accounts.google.com/o/oauth2/v2/auth?response_type=code&state=x7Qp…"},
    "SignInAnswer": {
        "provider": "google", "state": "x7Qp…", "code": "4/0Ab…", "error": "", "iss": "https://accounts.google.com",
    },
    "SignedInMailbox": {
        "address_id": "email-local", "account": "support@shop.example",
        "checked": {"ok": True, "words": ["Signed in as support@shop.example. The folder INBOX can be read."]},
    },
    "Writing": {"sender": "{name} at Pine & Paper", "quotes_history": True},
    "DomainView": DOMAIN,
    "Proposal": DRAFT,
    "Proposals": page(DRAFT),
    "ThreadsWithDraft": {"thread_ids": [LAMP]},
    "Use": {"undo_seconds": 10},
    "Suppressions": page({
        "id": "c5d6e7f8-0a1b-4c2d-9e3f-4a5b6c7d8e9f", "address": "ana@pineandpaper.example", "scope": "all",
        "report": "hard", "reason": "The mailbox does not exist (5.1.1)", "since": LATER, "thread_id": LAMP,
    }),
    "Checked": {"done": True},
    "Dismiss": {"reason": "incomplete"},
    "AgentView": {
        "channels": [
            {"id": "local", "kind": "widget", "name": "Website chat", "installation": True, "mode": "shadow"},
            {"id": CHANNEL["id"], "kind": "widget", "name": "Shop", "installation": False, "mode": "shadow"},
        ],
        "spent": 12.4,
    },
    "AgentReport": PERIOD | {
        "total": COUNTED | {"messages": 163}, "channels": [COUNTED | {"channel": WIDGET, "messages": 163}],
        "topics": [COUNTED | {"topic": "Delivery times"}],
        "least_alike": [{
            "id": DRAFT["id"], "thread_id": LAMP, "channel": WIDGET, "topic": "Delivery times", "state": "silent",
            "dismissal": None, "likeness": 0.21, "confidence": 0.88, "question": "Where is my lamp?",
            "proposed": DRAFT["text"], "said": "It was returned to us. We send it again today.", "created_at": LATER,
        }],
        "dismissed": [],
    },
    "ResolutionReport": PERIOD | {
        "window_hours": 72, "reopen_days": 14, "total": ENDED, "channels": [ENDED | {"channel": WIDGET}],
    },
    "Message": MESSAGE,
    "Messages": page(MESSAGE),
    "Tags": page("lamp", "refund"),
    "Act": ACTED,
    "Acted": {"act_id": ACT, "thread": THREAD},
    "WasUndone": {"undone": True, "act": ACTED | {"undone": {"by": "Mara Lind", "at": LATER}}},
    "NewSideMail": {"to": "max@maker.example", "subject": "Lamp 12", "text": "Do you still make it?"},
    "SideMail": {"thread_id": LAMP, "message_id": WHERE},
    "Split": {"message_ids": [WHERE], "subject": "The broken lamp"},
    "NewMessage": {"text": "It is on its way.", "undo_seconds": 10, "files": [UPLOADED["id"]]},
    "UploadedFile": UPLOADED,
    "PendingReply": {
        "id": WHERE, "thread_id": LAMP, "text": "It is on its way.", "author": BY_MARA, "send_at": LATER,
        "channel_id": None, "attachments": [],
    },
    "ThreadPatch": {"status": "snoozed", "snoozed_until": "2026-11-24T08:00:00Z", "assignee": "me", "tags": ["lamp"]},
    "Move": {"message_ids": [WHERE], "to_thread_id": LAMP},
    "CustomerPatch": {"name": "Ana Ruiz", "language": "es", "attributes": {"plan": "gold"}},
    "OtherThread": {"other_thread_id": LAMP},
    "OtherCustomer": {"other_id": OTHER["id"], "reason": "Ana told us on the phone"},
    "Unmerge": {"act_id": ACT, "reason": "two sisters who share a mailbox"},
    "IdentityId": {"identity_id": "e6f7a8b9-3c4d-4e5f-8a6b-7c8d9e0f1a66"},
    "Unlink": {"identity_id": "e6f7a8b9-3c4d-4e5f-8a6b-7c8d9e0f1a66"},
    "Prove": {"value": "ana@pineandpaper.example"},
    "Asked": {"sent": True},
    "Erasing": {"customer_id": ANA, "state": "erasing", "others": []},
    "NewTeammate": {"email": "mara@shop.example", "name": "Mara Lind", "password": "correct horse battery"},
    "TeammatePatch": {"role": "admin"},
    "Teammate": TEAMMATE,
    "TeammateList": page(TEAMMATE),
    "ChannelView": CHANNEL,
    "Channels": page(CHANNEL),
    "ShownChannel": CHANNEL | {"secrets": {"identity_secret": "mZ0…"}},
    "ChannelPatch": {"settings": {"greeting": "Good morning!"}, "new_identity_secret": True},
    "ApiKeys": page(KEY),
    "ShownKey": KEY | {"last_used_at": None, "key": "ot_local_4QkZ…"},
    "NewKey": {"name": "CRM sync", "scopes": ["read", "write"], "expires_at": "2027-11-23T00:00:00Z"},
    "NewWorkspace": {"slug": "acme", "name": "Acme Inc."},
    "WorkspacePatch": {"settings": {"reopen_days": 7, "undo_seconds": 10, "agent": AGENT}},
    "Workspace": WORKSPACE,
    "WorkspaceList": page(WORKSPACE),
    "Audit": page(MERGED),
    "AskIn": {
        "question": "And to Spain?", "channel": "widget",
        "history": [{"author": "customer", "text": "How long is delivery?", "titles": []}],
    },
    "Answered": {
        "decision": "answer", "confidence": 0.91, "threshold": 0.8, "text": "Five working days.",
        "reason": "An article answers it.",
        "sources": [{"title": "Delivery times", "url": "https://shop.example/d", "document_id": "d", "score": 0.91}],
        "query": "How long is delivery to Spain?", "calibration": "2",
        "passages": [{
            "document_id": "d", "title": "Delivery times", "heading_path": ["Abroad"], "text": "Spain: five days.",
            "url": "https://shop.example/d", "locale": "en", "score": 0.91, "version": 3,
        }],
    },
    "NewTool": TOOL | {"secret_headers": {"Authorization": "Bearer 4QkZ"}},
    "ToolPatch": {"definition": {"answer": "Your order {order} is {status}."}, "active": True},
    "ToolView": SHOWN_TOOL,
    "Tools": page(SHOWN_TOOL),
    "Call": CALL,
    "Calls": page(CALL),
    "Try": {"customer_id": ANA, "arguments": {"order": "1042"}},
    "Tried": {
        "outcome": "done", "text": "Your order 1042 is packed.", "fields": {"status": "packed"}, "reason": "",
        "status": 200, "milliseconds": 84,
    },
}  # fmt: skip
"""Of schemas that have a name, wherever they stand."""

PREFIX, NO_CONTENT = "/api/v1", "204"
KNOWLEDGE = "/knowledge/{path}"
ARTICLE: dict[str, Any] = {
    "id": "art_5f0c1d2e3a4b5c6d", "title": "Delivery times", "text": "Three working days.", "audience": "public",
    "locale": "en", "url": None, "wordings": ["When does my parcel come?"], "author": "Mara Lind", "version": 1,
    "at": LATER, "published_at": None, "state": "draft", "origin": "written", "live_version": None, "changed": False,
    "why": None, "thread_id": None,
}  # fmt: skip
ANSWERS: dict[tuple[str, str], Any] = {
    ("get", "/threads/{thread_id}"): THREAD | {
        "participants": [{"name": "Ana Ruiz", "identity": {n: IDENTITY[n] for n in ("kind", "value", "trust")}}],
        "reply_channels": [
            WIDGET | {
                "label": "Widget", "audience": PRIVATE | {"words": "Ana Ruiz alone"}, "to": None, "cc": [],
                "files": {"number": 20, "bytes": 20_000_000}, "stopped": None, "left_out": [],
            }
        ],
        "added": [], "sides": [], "pending": [], "channel_mode": "auto", "agent_mode": "off",
    },
    ("get", "/customers"): page({name: PROFILE[name] for name in ("id", "name", "email", "created_at")}),
    ("get", "/customers/{customer_id}"): PROFILE,
    ("patch", "/customers/{customer_id}"): PROFILE,
    ("get", "/customers/{customer_id}/merge-preview"): {
        "keeps": {name: PROFILE[name] for name in ("id", "name", "email")}, "absorbs": OTHER, "identities": [],
        "threads": [{"id": LAMP, "status": "open", "subject": None, "messages": 3}], "messages": 3,
        "merges_threads": None, "warnings": [],
    },
    ("post", "/customers/{customer_id}/merge"): {"act_id": ACT, "customer": PROFILE},
    ("post", "/customers/{customer_id}/unmerge"): {"customer": PROFILE, "other": PROFILE | OTHER},
    ("post", "/customers/{customer_id}/link"): {"act_id": ACT, "customer": PROFILE},
    ("post", "/customers/{customer_id}/unlink"): {"act_id": ACT, "customer": PROFILE, "other": PROFILE | OTHER},
    ("post", "/customers/{customer_id}/export"): {
        "exported_at": LATER, "customer": PROFILE, "threads": [THREAD | {"subject": None}], "messages": [MESSAGE],
        "messages_in_threads_of_others": [], "proposals": [DRAFT], "tool_calls": [], "places": [], "acts": [],
        "proofs": [], "audit": [],
    },
    ("get", "/messages/{message_id}/raw"): "From: Ana <ana@example.org>\r\nSubject: My lamp\r\n\r\nWhere is it?\r\n",
    ("get", "/messages/{message_id}/attachments/{sha256}"): "…",
    ("get", "/messages/{message_id}/page"): "<!doctype html><p>Where is my lamp?</p>",
    ("get", "/messages/{message_id}/pictures"): "…",
    ("get", "/events"): f'event: onethread.message.added.v1\nid: {WHERE}\ndata: {{"specversion": "1.0", …}}\n\n',
    ("get", KNOWLEDGE): page(ARTICLE),
    ("post", KNOWLEDGE): ARTICLE,
    ("put", KNOWLEDGE): {"chosen": "english"},
    ("delete", KNOWLEDGE): {},
    ("patch", KNOWLEDGE): ARTICLE | {"state": "published", "live_version": 1},
    ("get", "/dead-letters"): {
        "items": [{
            "id": 7, "service": "conversation", "reason": "PoisonError: there is no such workspace",
            "subject": "ot.acme.message.received.email.l3", "consumer": "conversation-intake-l3", "tries": 1,
            "body": "{…}",
        }],
        "next": None,
    },
    ("post", "/dead-letters"): {"id": 7, "replayed": True},
}  # fmt: skip
"""Of answers whose schema has no name."""


def add(document: dict[str, Any]) -> dict[str, Any]:
    """`document`, with the examples in their places."""
    schemas = document["components"]["schemas"]
    for name in BY_NAME.keys() & schemas.keys():
        schemas[name]["examples"] = [BY_NAME[name]]
    for path, methods in document["paths"].items():
        for method, endpoint in methods.items():
            example = ANSWERS.get((method, path.removeprefix(PREFIX)))
            for code, answer in endpoint["responses"].items():
                if example is not None and code.startswith("2") and code != NO_CONTENT:
                    content = answer.setdefault("content", {"application/json": {}})
                    next(iter(content.values()))["example"] = example
    return document
