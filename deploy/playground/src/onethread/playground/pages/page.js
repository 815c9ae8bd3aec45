// What the three pages share: the cast, asking the server, and hearing from it.

export const about = JSON.parse(document.getElementById("about").textContent);

export class Refused extends Error {
  constructor(problem, status) {
    super(problem.detail || problem.title || `The playground answered ${status}.`);
    this.problem = problem;
  }
}

/** Asks the playground; `body` makes it a POST. A refusal is thrown as `Refused`, its message made for people. */
export async function ask(path, body) {
  const request = body && { method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body) };
  const response = await fetch(path, request).catch(() => {
    throw new Refused({ detail: "The playground does not answer. Your text is kept; is it still running?" }, 0);
  });
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Refused(answer, response.status);
  return answer;
}

/** Calls `handlers[event](data)` as things happen, and `handlers.hello()` after each (re)connection: read afresh then. */
export function listen(handlers) {
  const source = new EventSource("/live");
  for (const [event, handle] of Object.entries(handlers)) {
    source.addEventListener(event, (message) => handle(JSON.parse(message.data)));
  }
}

/** `work`, done once for all calls within a twentieth of a second. */
export function calmly(work) {
  let waiting;
  return () => {
    waiting ??= setTimeout(() => {
      waiting = undefined;
      void work();
    }, 50);
  };
}

/** An element: `make("p", { className: "x" }, "text", child)`. Text is never read as HTML. */
export function make(tag, properties = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(properties)) {
    if (name.includes("-") || name === "role") element.setAttribute(name, value);
    else element[name] = value;
  }
  element.append(...children.filter((child) => child !== null && child !== undefined && child !== false));
  return element;
}

/** The made-up shop's address leads nowhere: links to it are opened here. For clicks in the page and in open shadows. */
export function keepShopLinksHere(root) {
  root.addEventListener("click", (event) => {
    const link = event.composedPath().find((node) => node.localName === "a" && node.host === "pineandpaper.example");
    if (link) link.href = `${location.origin}${link.pathname}${link.hash}`;
  }, true);
}

export function initials(name) {
  const words = name.replace(/@.*/, "").split(/[^\p{L}\p{N}]+/u).filter(Boolean);
  return words.slice(0, 2).map((word) => word[0].toUpperCase()).join("");
}

const today = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const earlier = new Intl.DateTimeFormat(undefined, { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" });

/** A `<time>`; `seconds` since 1970. */
export function moment(seconds) {
  const date = new Date(seconds * 1000);
  const format = date.toDateString() === new Date().toDateString() ? today : earlier;
  return make("time", { dateTime: date.toISOString(), title: date.toLocaleString() }, format.format(date));
}
