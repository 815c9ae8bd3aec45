// One mail as its reader sees it.

import { initials, keepShopLinksHere, make, moment } from "./page.js";

// What a mail's HTML may do in its frame: look like something. Scripts and everything from outside stay out.
const POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:";
const PAPER = "body{font:14px/1.57 system-ui,sans-serif;color:#17181c;margin:16px;overflow-wrap:anywhere}img{max-width:100%}";

export function showLetter(target, mail, { reply, back }) {
  const answer = make("button", { className: "button primary" }, "Reply");
  answer.addEventListener("click", reply);
  const leave = make("button", { className: "button back", "aria-label": "Back to the mails" }, "Back");
  leave.addEventListener("click", back);
  const head = make("div", { className: "pane-head" }, leave, make("h2", {}, mail.subject || "(no subject)"), answer);
  target.replaceChildren(head, make("article", { className: "letter" }, whoWrote(mail), headerFold(mail), ...body(mail)));
}

function whoWrote(mail) {
  const [name, address] = named(mail.sender);
  const to = make("div", { className: "quiet" }, `${address} to ${named(mail.recipient)[0]}`);
  const forged = mail.forged ? make("div", { className: "forged" }, "Sent with a forged sender") : null;
  const words = make("div", {}, make("b", {}, name), to, forged);
  return make("div", { className: "who" }, make("span", { className: "avatar", "aria-hidden": "true" }, initials(name)), words, moment(mail.at));
}

/** `Ana Ruiz <ana@x>` as name and address; a bare address is both. */
function named(mailbox) {
  const [, name, address] = /^"?([^"<]*?)"?\s*<(.*)>$/.exec(mailbox) ?? [];
  return [name || address || mailbox, address || mailbox];
}

function headerFold(mail) {
  const rows = Object.entries(mail.headers).flatMap(([name, value]) => [make("dt", {}, name), make("dd", {}, value)]);
  return make("details", {}, make("summary", {}, "Headers"), make("dl", {}, ...rows), make("pre", {}, mail.raw_headers));
}

function body(mail) {
  const plain = make("div", { className: "plain" }, mail.text);
  if (!mail.html) return [plain];
  const views = { "As written": frame(mail.html), "Plain text": plain };
  if (!mail.text) return [views["As written"]];
  const place = make("div");
  const tabs = Object.keys(views).map((label) => make("button", { role: "tab", type: "button" }, label));
  const show = (chosen) => {
    tabs.forEach((tab) => tab.setAttribute("aria-selected", String(tab === chosen)));
    place.replaceChildren(views[chosen.textContent]);
  };
  tabs.forEach((tab) => tab.addEventListener("click", () => show(tab)));
  show(tabs[0]);
  return [make("div", { className: "tabs", role: "tablist", "aria-label": "Parts of this mail" }, ...tabs), place];
}

// Without allow-scripts nothing runs; allow-same-origin lets this page measure how tall the mail is.
function frame(html) {
  const sandbox = "allow-same-origin allow-popups allow-popups-to-escape-sandbox";
  const element = make("iframe", { title: "The mail's HTML", sandbox });
  element.srcdoc = `<meta http-equiv="Content-Security-Policy" content="${POLICY}"><base target="_blank"><style>${PAPER}</style>${html}`;
  element.addEventListener("load", () => {
    keepShopLinksHere(element.contentDocument);
    element.style.blockSize = `${element.contentDocument.documentElement.scrollHeight + 2}px`;
  });
  return element;
}
