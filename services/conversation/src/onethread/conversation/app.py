"""The wiring of the conversation service."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from uuid import UUID

import structlog
from fastapi import FastAPI, Request
from fastapi.responses import FileResponse, HTMLResponse, Response
from fastapi.staticfiles import StaticFiles
from starlette.datastructures import State

from onethread.contracts import replies as r
from onethread.contracts import streams, subjects
from onethread.contracts.agent import AgentConfigOf
from onethread.contracts.channels import ChannelsOf
from onethread.contracts.files import FileOf
from onethread.contracts.knowledge import KnowledgeIndexed, KnowledgeRemoved
from onethread.contracts.mail import BeforeMessage
from onethread.contracts.messages import Message, MessageReceived
from onethread.contracts.originals import CorrectMessage
from onethread.contracts.proofs import StartProof, TryCode
from onethread.contracts.questions import HistoryOfThread, HistoryOfVisitor, TeammateAnswersOf
from onethread.contracts.tools import CallTool
from onethread.conversation import (
    acts_api,
    admin_api,
    agent_config,
    api,
    asking_api,
    bench_questions_api,
    bench_runs_api,
    channels_api,
    customers_api,
    erasing_api,
    etags,
    examples,
    files_api,
    knowledge_api,
    mail_addresses,
    mail_api,
    mail_sign_in_api,
    mail_ways,
    messages_api,
    metrics_api,
    originals_api,
    proofs_api,
    proposals_api,
    ratings_pages,
    session_api,
    suppressions_api,
    tools_api,
)
from onethread.conversation.access import GUARD, Access
from onethread.conversation.agent_config import AgentConfigs
from onethread.conversation.answers import Answers
from onethread.conversation.bench_due import ChangesOfKnowledge, ChangesOfSettings
from onethread.conversation.bench_judging import Judgements
from onethread.conversation.bench_runner import BenchRunner
from onethread.conversation.channels_told import ChannelsForGateways
from onethread.conversation.comparing import Comparing
from onethread.conversation.correcting import Correcting
from onethread.conversation.database import AWAY, UNFIT, Database
from onethread.conversation.deliveries import Deliveries
from onethread.conversation.feedback import FeedbackOfCustomers
from onethread.conversation.files_given import FilesForGateways
from onethread.conversation.forgetting import Forgetting
from onethread.conversation.history import History
from onethread.conversation.in_time import AnswerInTime
from onethread.conversation.intake import Intake
from onethread.conversation.jobs import jobs
from onethread.conversation.mail_keys import MailKeys
from onethread.conversation.mail_links import MailLinks
from onethread.conversation.mail_sign_ins import SignIns
from onethread.conversation.outbox import Relay
from onethread.conversation.pictures import Pictures
from onethread.conversation.places import Places
from onethread.conversation.proofs import Proofs
from onethread.conversation.proposed import Proposed
from onethread.conversation.ratings import Ratings
from onethread.conversation.reconcile import Reconciler
from onethread.conversation.replies import Replies
from onethread.conversation.sealing import Seal
from onethread.conversation.settings import ConversationSettings
from onethread.conversation.stream import SUBJECTS, Stream
from onethread.conversation.teammates import Teammates
from onethread.conversation.timers import Timers
from onethread.conversation.tool_approving import Approvals
from onethread.conversation.tool_calls import ToolCalls
from onethread.conversation.tool_unended import Unended
from onethread.conversation.unseen import Unseen
from onethread.conversation.workspaces import Workspaces
from onethread.runtime import errors
from onethread.runtime.bodies import Bodies
from onethread.runtime.bus import Bus
from onethread.runtime.errors import Problem
from onethread.runtime.health import Health

log = structlog.get_logger()

STATIC = Path(__file__).parent / "static"
ROUTERS = (
    session_api.router, api.router, messages_api.router, files_api.router, mail_api.router, originals_api.router,
    customers_api.router, proofs_api.router, acts_api.router, proposals_api.router, metrics_api.router,
    tools_api.router, tools_api.calls_router, agent_config.router,
    knowledge_api.router, bench_questions_api.router, bench_runs_api.router, asking_api.router,
    channels_api.router, mail_addresses.router, mail_ways.router, mail_sign_in_api.router,
    suppressions_api.router,
    erasing_api.router, admin_api.router,
    admin_api.installation_router,
)  # fmt: skip
"""Whoever comes by these must say who they are, and be allowed to."""

PAGE_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; "
    "frame-ancestors 'none'; base-uri 'none'; form-action 'self'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}
NOT_BUILT = "<p>The inbox is not built yet. Run <code>just up</code>, or <code>npm ci && npm run build</code>.</p>"


def create_app(settings: ConversationSettings | None = None) -> FastAPI:
    settings = settings or ConversationSettings.load()
    app = FastAPI(
        title="Onethread", version="1", description=api.ABOUT, lifespan=_running, docs_url=None, redoc_url=None,
        openapi_url="/api/openapi.json",
    )  # fmt: skip
    _make_parts(app.state, settings)
    _connect(app.state)
    errors.install(app)
    app.add_middleware(AnswerInTime)
    _database_problems(app)
    app.include_router(_health(app.state).router())
    app.include_router(session_api.open_router)
    app.include_router(proofs_api.pages)
    app.include_router(ratings_pages.pages)
    for router in ROUTERS:
        app.include_router(router, dependencies=GUARD)
    _inbox(app)
    plain = app.openapi
    app.openapi = lambda: etags.document(examples.add(plain()))
    return app


def _make_parts(parts: State, settings: ConversationSettings) -> None:
    """Everything that a request, an event or a timer needs. Nothing is connected yet."""
    parts.database = database = Database(settings.database, settings.database_pool)
    parts.bus = bus = Bus("conversation", settings, away=AWAY)
    parts.relay = relay = Relay(database, bus)
    parts.stream, parts.reconciler, parts.forgetting = (
        Stream(database),
        Reconciler(database, bus),
        Forgetting(database, bus),
    )
    parts.access, parts.teammates = Access(database, settings), Teammates(database, settings)
    parts.workspaces, parts.seal = Workspaces(database, settings.reopen_days), Seal(settings.secret)
    parts.settings, parts.mail_keys = settings, MailKeys(database, bus, parts.seal)
    parts.links, parts.sign_ins = MailLinks(settings), SignIns(database, settings, parts.seal)
    parts.ratings = Ratings(database, relay, parts.links)
    parts.proofs = Proofs(database, bus, relay, settings)
    parts.places = places = Places(settings.workspace, settings.email_channel_id)
    parts.replies = replies = Replies(database, relay, places, settings.unseen_reply_minutes)

    async def tell_inbox(workspace: str, message: Message) -> None:
        body = json.dumps({"message": message.model_dump(mode="json")}).encode()
        await bus.say_live(subjects.live(workspace, "updated", "inbox"), body)

    async def tell_of_drafts(workspace: str, thread_id: UUID) -> None:
        body = json.dumps({"thread_id": str(thread_id)}).encode()
        await bus.say_live(subjects.live(workspace, "drafts", "inbox"), body)

    async def tell_of_bench(workspace: str, run_id: UUID) -> None:
        body = json.dumps({"run_id": str(run_id)}).encode()
        await bus.say_live(subjects.live(workspace, "bench", "inbox"), body)

    def next_run() -> None:
        parts.timers.poke()

    parts.bench = BenchRunner(database, bus, tell_of_bench, next_run)
    parts.bench_knowledge = ChangesOfKnowledge(database, settings.bench_settle_seconds)
    parts.bench_settle = settings.bench_settle_seconds
    parts.bench_settings = ChangesOfSettings(settings.bench_settle_seconds)
    parts.tell_of_drafts, parts.feedback = tell_of_drafts, FeedbackOfCustomers(database, relay, tell_inbox)
    parts.proposed = Proposed(
        database, relay, parts.workspaces, tell_of_drafts, agent_name=settings.agent_name,
        unseen_minutes=settings.unseen_reply_minutes,
    )  # fmt: skip
    parts.own_networks = bool(settings.tool_networks)
    parts.tool_calls = calls = ToolCalls(database, parts.proofs, parts.seal, settings.guard, tell_of_drafts)
    parts.approvals = Approvals(
        database, calls, relay, tell_of_drafts, agent_name=settings.agent_name,
        unseen_minutes=settings.unseen_reply_minutes,
    )  # fmt: skip
    parts.correcting = Correcting(database, relay, tell_inbox)
    parts.deliveries = Deliveries(database, relay, places, parts.links, tell_inbox)
    unseen, comparing = Unseen(database, relay, places, parts.links, tell_inbox), Comparing(database, bus)
    unended = Unended(database, relay, tell_of_drafts, agent_name=settings.agent_name)
    judgements = Judgements(database, bus)
    all_jobs = jobs(
        database, relay, replies, unseen, comparing, parts.bench, unended, judgements, parts.mail_keys, parts.ratings
    )
    parts.timers = Timers(database, all_jobs)
    parts.bodies, parts.pictures = Bodies(bus), Pictures()
    parts.on_start, parts.on_stop = [database.check_role], [parts.stream.close]


def _connect(parts: State) -> None:
    """Who hears which events and answers which questions."""
    bus, only_known, history = parts.bus, parts.workspaces.only_known, History(parts.database)
    bus.on(streams.INTAKE, MessageReceived, Intake(parts.database, parts.relay, parts.workspaces))
    bus.on(streams.PROPOSALS, r.ReplyProposed, parts.proposed)
    bus.on(streams.DELIVERIES, r.ReplyDelivered, only_known(parts.deliveries.on_outcome))
    bus.on(streams.FAILURES, r.ReplyFailed, only_known(parts.deliveries.on_outcome))
    bus.on(streams.FEEDBACK, r.FeedbackReceived, only_known(parts.feedback))
    bus.on(streams.BENCH_INDEXED, KnowledgeIndexed, only_known(parts.bench_knowledge))
    bus.on(streams.BENCH_REMOVED, KnowledgeRemoved, only_known(parts.bench_knowledge))
    bus.answer(subjects.CONVERSATION_HISTORY, HistoryOfThread, history.of_thread)
    bus.answer(subjects.CONVERSATION_BEFORE, BeforeMessage, history.before)
    bus.answer(subjects.CONVERSATION_FILE, FileOf, FilesForGateways(parts.database, parts.bodies))
    bus.answer(subjects.CONVERSATION_VISITOR, HistoryOfVisitor, history.of_visitor)
    bus.answer(subjects.CONVERSATION_ANSWERS, TeammateAnswersOf, Answers(parts.database))
    bus.answer(subjects.CONVERSATION_AGENT, AgentConfigOf, AgentConfigs(parts.database))
    bus.answer(
        subjects.CONVERSATION_CHANNELS, ChannelsOf, ChannelsForGateways(parts.database, parts.seal, parts.settings)
    )
    bus.answer(subjects.CONVERSATION_TOOL, CallTool, parts.tool_calls)
    bus.answer(subjects.CONVERSATION_CORRECT, CorrectMessage, parts.correcting)
    bus.answer(subjects.CONVERSATION_PROVE, StartProof, parts.proofs.start)
    bus.answer(subjects.CONVERSATION_PROVE_CODE, TryCode, parts.proofs.try_code)


@asynccontextmanager
async def _running(app: FastAPI) -> AsyncIterator[None]:
    parts = app.state
    await parts.database.start()
    await parts.teammates.ensure_first()
    await parts.bus.start()
    loops = (parts.relay, parts.timers, parts.reconciler, parts.forgetting)
    for loop in loops:
        loop.start()
    for subject in SUBJECTS:
        await parts.bus.listen(subject, parts.stream.on_event)
    await parts.bus.listen("live.>", parts.stream.on_live)
    parts.bus.when_back(parts.stream.close)
    watch = asyncio.create_task(parts.access.watch(parts.stream))
    yield
    watch.cancel()
    await parts.approvals.stop()
    for loop in reversed(loops):
        await loop.stop()
    await parts.bench.stop()
    parts.pictures.close()
    await parts.bus.stop()
    await parts.database.stop()


def _health(parts: State) -> Health:
    health = Health()
    health.ready = {"bus": parts.bus.check, "database": parts.database.check}
    health.alive = {"consumers": parts.bus.check_consumers, "relay": parts.relay.check, "timers": parts.timers.check}
    return health


def _database_problems(app: FastAPI) -> None:
    for away in AWAY:

        @app.exception_handler(away)
        async def on_away(request: Request, error: Exception) -> Response:
            log.warning("database.away", path=request.url.path, error=type(error).__name__)
            return Problem(503, "The database is away", "Nothing was changed. Try again in a moment.").response()

    for unfit in UNFIT:

        @app.exception_handler(unfit)
        async def on_unfit(request: Request, error: Exception) -> Response:
            log.warning("request.unfit", path=request.url.path, exc_info=error)
            detail = "A text holds a NUL character, or a number or a date is out of range. Nothing was changed."
            return Problem(422, "A value cannot be stored", detail).response()


def _inbox(app: FastAPI) -> None:
    """The inbox is one page; every path that is not the API's is one of its states."""
    app.mount("/assets", StaticFiles(directory=STATIC / "assets", check_dir=False))

    @app.get("/api/docs", include_in_schema=False)
    async def docs() -> Response:
        return _page("docs.html")

    @app.get("/{path:path}", include_in_schema=False)
    async def inbox(path: str) -> Response:
        if path.startswith("api/"):
            raise Problem(404, "There is no such thing here")
        return _page("index.html")


def _page(name: str) -> Response:
    page = STATIC / name
    return FileResponse(page, headers=PAGE_HEADERS) if page.exists() else HTMLResponse(NOT_BUILT, 503)
