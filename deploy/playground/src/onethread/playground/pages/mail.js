// The mailbox: whose it is, its mails, the one being read, the one being written.

import { about, ask, calmly, initials, keepShopLinksHere, listen, make, moment, Refused } from "./page.js";
import { showLetter } from "./letter.js";

const byId = (id) => document.getElementById(id);
const page = document.querySelector(".mail");
const reading = byId("reading");
const known = Object.fromEntries(about.people.map((person) => [person.email, person.name]));
const state = { address: new URLSearchParams(location.search).get("of") || about.people[0].email, mail: null, mails: [] };
const nameOf = (address) => known[address] || address;
const plainName = (sender) => sender.replace(/\s*<.*>/, "").replaceAll('"', "") || sender;

async function showBoxes() {
  const { items } = await ask("/api/mail");
  if (!items.some((box) => box.address === state.address)) items.push({ address: state.address, name: "", unseen: 0 });
  byId("boxes").replaceChildren(...items.map((box) => {
    const face = make("span", { className: "avatar", "aria-hidden": "true" }, initials(box.name || box.address));
    const count = box.unseen ? make("span", { className: "number" }, String(box.unseen), make("span", { className: "hidden-label" }, " not read")) : null;
    const button = make("button", { title: box.address }, face, make("span", {}, box.name || box.address), count);
    if (box.address === state.address) button.setAttribute("aria-current", "true");
    button.addEventListener("click", () => openBox(box.address));
    return make("li", {}, button);
  }));
}

async function showList() {
  const { address } = state;
  const { items } = await ask(`/api/mail/${encodeURIComponent(address)}/list`);
  if (address !== state.address) return;
  state.mails = items;
  byId("whose").textContent = nameOf(address);
  byId("mails").replaceChildren(...(items.length ? items.map(showRow) : [make("li", { className: "empty" }, make("b", {}, "No mails yet"), `Write to ${about.support_address}, or wait for an answer.`)]));
}

function showRow(mail) {
  const sent = mail.folder === "sent";
  const who = sent ? `To ${plainName(mail.recipient)}` : plainName(mail.sender);
  const button = make("button", { className: mail.seen ? "" : "unseen" },
    make("b", {}, who), moment(mail.at), make("span", {}, mail.subject || "(no subject)"),
    mail.forged ? make("span", { className: "forged" }, "Sent with a forged sender") : null);
  if (mail.id === state.mail) button.setAttribute("aria-current", "true");
  button.addEventListener("click", () => openMail(mail.id));
  return make("li", {}, button);
}

async function openBox(address) {
  Object.assign(state, { address, mail: null });
  page.dataset.shows = "list";
  history.replaceState(null, "", `?of=${encodeURIComponent(address)}`);
  showNothing();
  await refresh();
}

async function openMail(id) {
  state.mail = id;
  const mail = await ask(`/api/mail/${encodeURIComponent(state.address)}/${id}`);
  showLetter(reading, mail, { reply: () => write(answerTo(mail)), back: showListOnly });
  page.dataset.shows = "reading";
  reading.focus();
  await refresh();
}

function showListOnly() {
  state.mail = null;
  page.dataset.shows = "list";
  showNothing();
  void refresh();
}

function showNothing() {
  const first = make("b", {}, `This is ${nameOf(state.address)}'s mailbox`);
  reading.replaceChildren(make("p", { className: "empty" }, first, `Open a mail, or write one to ${about.support_address}. Answers arrive here by themselves.`));
}

/** RFC 5322 3.6.4: the answer names its parent, and all that the parent named. */
function answerTo(mail) {
  const { headers } = mail;
  const own = mail.folder === "sent";
  return {
    to: own ? mail.recipient : headers["Reply-To"] || mail.sender,
    subject: /^re:/i.test(mail.subject) ? mail.subject : `Re: ${mail.subject}`,
    in_reply_to: headers["Message-ID"] || "",
    references: [headers.References || headers["In-Reply-To"], headers["Message-ID"]].filter(Boolean).join(" "),
  };
}

function write(start) {
  const form = byId("writing").content.cloneNode(true).firstElementChild;
  const { to, subject, text } = form.elements;
  form.querySelector("h2").textContent = start.in_reply_to ? "Answer" : "New mail";
  form.elements.from.value = known[state.address] ? `${known[state.address]} <${state.address}>` : state.address;
  [to.value, subject.value] = [start.to, start.subject];
  const leave = () => (state.mail ? openMail(state.mail) : showListOnly());
  form.querySelector(".back").addEventListener("click", leave);
  form.querySelector(".discard").addEventListener("click", leave);
  form.addEventListener("change", () => sayHonesty(form));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    void send(form, start);
  });
  sayHonesty(form);
  reading.replaceChildren(form);
  page.dataset.shows = "reading";
  (start.in_reply_to ? text : subject).focus();
}

function sayHonesty(form) {
  const domain = state.address.split("@")[1];
  form.querySelector(".honesty p").textContent = form.elements.forge.value
    ? `The mail claims to come from ${state.address}, but the relay finds that ${domain} never sent it: SPF, DKIM and DMARC fail.`
    : `The relay vouches for ${domain}: SPF, DKIM and DMARC pass.`;
}

async function send(form, start) {
  const { from, to, subject, text, forge } = form.elements;
  const [button, problem] = [form.querySelector(".primary"), form.querySelector(".problem")];
  button.disabled = true;
  problem.hidden = true;
  try {
    const mail = { from: from.value, to: to.value, subject: subject.value, text: text.value, forge: Boolean(forge.value) };
    const sent = await ask("/api/mail/send", { ...mail, in_reply_to: start.in_reply_to, references: start.references });
    await openMail(sent.id);
  } catch (error) {
    if (!(error instanceof Refused)) throw error;
    problem.textContent = error.message;
    problem.hidden = false;
  } finally {
    button.disabled = false;
  }
}

const refresh = () => Promise.all([showBoxes(), showList()]);

byId("compose").addEventListener("click", () => {
  state.mail = null;
  write({ to: about.support_address, subject: "", in_reply_to: "", references: "" });
  void refresh();
});
byId("other").addEventListener("submit", (event) => {
  event.preventDefault();
  const address = byId("other-address").value.trim().toLowerCase();
  event.target.reset();
  void openBox(address);
});

keepShopLinksHere(document);
showNothing();
listen({ hello: refresh, mail: calmly(refresh) });
