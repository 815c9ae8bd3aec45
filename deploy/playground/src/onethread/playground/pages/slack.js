// The Slack look-alike: a person, the places they can write in, a thread beside them.

import { ask, calmly, initials, keepShopLinksHere, listen, make, moment, Refused } from "./page.js";
import { blocks } from "./mrkdwn.js";

const LATE_SECONDS = 2;
const FOLLOWS_SECONDS = 300;
const byId = (id) => document.getElementById(id);
const cast = await ask("/api/slack/cast");
const wanted = new URLSearchParams(location.search);
const state = {
  me: cast.people.find((person) => person.key === (wanted.get("as") ?? localStorage.getItem("slack-me"))) ?? cast.people[0],
  place: wanted.get("channel") ?? "dm",
  thread: null,
  messages: [],
  unread: new Set(),
  status: {},
};
const names = {
  users: { [cast.bot.id]: cast.bot.name, ...Object.fromEntries(cast.people.map((p) => [p.id, p.name])) },
  channels: Object.fromEntries(cast.channels.map((c) => [c.id, c.name])),
};
const placeId = () => (state.place === "dm" ? state.me.dm : state.place);
const inThread = (message) => message.thread_ts && message.thread_ts !== message.ts;

function showSide() {
  byId("team").textContent = cast.team;
  byId("me").replaceChildren(...cast.people.map((p) => make("option", { value: p.key, selected: p === state.me }, p.name)));
  byId("channels").replaceChildren(...cast.channels.map((c) => showPlace(c.id, "#", c.name)));
  byId("direct").replaceChildren(showPlace("dm", "@", cast.bot.name));
}

function showPlace(id, sign, name) {
  const unread = state.unread.has(id === "dm" ? state.me.dm : id);
  const button = make("button", { className: unread ? "unread" : "" }, make("span", { className: "sign", "aria-hidden": "true" }, sign), name);
  if (id === state.place) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => enter({ place: id }));
  return make("li", {}, button);
}

async function enter(change) {
  Object.assign(state, { thread: null, messages: [] }, change);
  localStorage.setItem("slack-me", state.me.key);
  byId("said").replaceChildren();
  showComposers();
  await refresh();
}

async function refresh() {
  const place = placeId();
  state.unread.delete(place);
  const { items } = await ask(`/api/slack/messages?channel=${place}`);
  if (place !== placeId()) return;
  state.messages = items;
  names.me = state.me.id;
  showSide();
  showHead();
  showMessages(byId("said"), items.filter((message) => !inThread(message)), { threads: true });
  showThread();
}

const refreshSoon = calmly(refresh);

function showHead() {
  const channel = cast.channels.find((c) => c.id === state.place);
  byId("where").textContent = channel ? `#${channel.name}` : cast.bot.name;
  byId("topic").textContent = channel ? `${channel.topic} · everyone here sees it` : "Only you and the bot see this";
  byId("status").textContent = statusOf(null);
}

function showThread() {
  const root = state.thread && state.messages.find((message) => message.ts === state.thread);
  byId("thread").hidden = !root;
  if (!root) return;
  const replies = state.messages.filter((message) => inThread(message) && message.thread_ts === root.ts);
  showMessages(byId("thread-said"), [root, ...replies], { threads: false });
  byId("thread-status").textContent = statusOf(root.ts);
}

const statusOf = (threadTs) => {
  const key = `${placeId()} ${threadTs}`;
  if (threadTs) return state.status[key] ?? "";
  const shown = Object.entries(state.status).find(([k, words]) => words && k.startsWith(`${placeId()} `));
  return shown?.[1] ?? "";
};

function showMessages(list, messages, { threads }) {
  const atEnd = list.scrollHeight - list.scrollTop - list.clientHeight < 60;
  const rows = messages.map((message, index) => showMessage(message, messages[index - 1], threads));
  if (!threads && messages.length > 1) rows.splice(1, 0, make("li", { className: "parted" }, count(messages.length - 1, "reply", "replies")));
  list.replaceChildren(...(rows.length ? rows : [emptyPlace()]));
  if (atEnd) list.scrollTop = list.scrollHeight;
}

function emptyPlace() {
  const dm = state.place === "dm";
  const hint = dm ? "Ask a question, such as: Can I return a notebook?" : "Mention @onethread to ask the bot. Everyone in the channel sees its answer.";
  return make("li", { className: "empty" }, make("b", {}, dm ? `You and ${cast.bot.name}` : "Nothing said here yet"), hint);
}

function showMessage(message, previous, threads) {
  const isBot = Boolean(message.bot_id);
  const name = message.username || names.users[message.user] || message.user;
  const face = make("span", { className: isBot ? "avatar bot" : "avatar", "aria-hidden": "true" }, initials(name));
  const by = make("div", { className: "by" }, make("b", {}, name), isBot ? make("span", { className: "app" }, "App") : null, moment(Number(message.ts)));
  const edited = message.edited ? make("span", { className: "edited" }, " (edited)") : null;
  const content = make("div", { className: "content" }, by, make("div", {}, blocks(message, names), edited), under(message, threads));
  const row = make("li", { className: "message" }, face, content);
  if (follows(message, previous)) row.dataset.follows = "";
  row.dataset.ts = message.ts;
  return row;
}

const follows = (message, previous) =>
  previous && previous.user === message.user && previous.username === message.username && Number(message.ts) - Number(previous.ts) < FOLLOWS_SECONDS && !repliesTo(previous).length;
const repliesTo = (message) => state.messages.filter((reply) => inThread(reply) && reply.thread_ts === message.ts);
const count = (number, one, many) => `${number} ${number === 1 ? one : many}`;

function under(message, threads) {
  const replies = threads ? repliesTo(message) : [];
  const label = replies.length ? count(replies.length, "reply", "replies") : "Reply in thread";
  const open = threads ? make("button", { className: replies.length ? "" : "answer", type: "button" }, label) : null;
  open?.addEventListener("click", () => openThread(message.ts));
  return make("div", { className: "under" }, deliveryOf(message), open);
}

function deliveryOf(message) {
  if (message.delivery === "failed") return make("span", { className: "lost" }, "The bot did not get this. Is gateway-slack running? Write it again.");
  const late = message.delivery === "pending" && Date.now() / 1000 - Number(message.ts) > LATE_SECONDS;
  return late ? make("span", { className: "late" }, "The bot has not taken this yet. Trying again.") : null;
}

function openThread(ts) {
  state.thread = ts;
  showThread();
  byId("thread-say").querySelector("textarea").focus();
}

function showComposers() {
  const channel = names.channels[state.place];
  fill(byId("say"), channel ? `Message #${channel}` : `Message ${cast.bot.name}`, () => null);
  fill(byId("thread-say"), "Reply", () => state.thread);
}

function fill(form, label, threadTs) {
  const text = make("textarea", { name: "text", rows: 1, placeholder: label, "aria-label": label, required: true });
  const mention = make("button", { className: "button mention-bot", type: "button" }, "@onethread");
  const send = make("button", { className: "button primary" }, "Send");
  mention.addEventListener("click", () => {
    text.setRangeText("@onethread ", text.selectionStart, text.selectionEnd, "end");
    text.focus();
  });
  text.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    form.requestSubmit();
  });
  form.onsubmit = (event) => {
    event.preventDefault();
    if (text.value.trim()) void say(text, send, threadTs());
  };
  form.replaceChildren(text, make("div", {}, state.place === "dm" ? null : mention, send));
}

async function say(field, button, threadTs) {
  button.disabled = true;
  byId("problem").hidden = true;
  try {
    await ask("/api/slack/say", { user: state.me.key, channel: placeId(), text: field.value, thread_ts: threadTs });
    field.value = "";
    await refresh();
    const list = byId(threadTs ? "thread-said" : "said");
    list.scrollTop = list.scrollHeight;
    setTimeout(refresh, (LATE_SECONDS + 0.5) * 1000);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    byId("problem").textContent = error.message;
    byId("problem").hidden = false;
  } finally {
    button.disabled = false;
    field.focus();
  }
}

function heard({ channel }) {
  for (const key of Object.keys(state.status)) if (key.startsWith(`${channel} `)) delete state.status[key];
  if (channel === placeId()) return void refreshSoon();
  state.unread.add(channel);
  showSide();
}

function heardStatus({ channel, thread_ts: threadTs, status }) {
  state.status[`${channel} ${threadTs}`] = status && `${cast.bot.name} ${status}`;
  showHead();
  showThread();
}

byId("me").addEventListener("change", (event) => enter({ me: cast.people.find((p) => p.key === event.target.value) }));
byId("close-thread").addEventListener("click", () => {
  state.thread = null;
  showThread();
});
keepShopLinksHere(document);
showComposers();
if (wanted.get("ts")) state.thread = wanted.get("ts");
listen({ hello: refresh, slack: heard, "slack-status": heardStatus });
