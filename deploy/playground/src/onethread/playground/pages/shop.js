// The shop's shelves, and the switch of who is signed in.

import { shelves } from "./goods.js";
import { about, ask, initials, keepShopLinksHere, make } from "./page.js";

const byId = (id) => document.getElementById(id);
const guest = { name: "", email: "" };
const problem = byId("problem");
let account = { name: document.body.dataset.accountName, email: document.body.dataset.accountEmail };
let basket = 0;

function showShelves() {
  byId("goods").append(...shelves.map(({ id, title, goods }) =>
    make("section", { "aria-labelledby": id }, make("h2", { id }, title), make("ul", {}, ...goods.map(showGood)))));
}

function showGood([name, words, price, drawing]) {
  const tile = make("div", { className: "tile" });
  tile.innerHTML = `<svg viewBox="0 0 120 96" aria-hidden="true">${drawing}</svg>`; // our own drawing, from goods.js
  const add = make("button", { className: "button", type: "button", "aria-label": `Add ${name} to the basket` }, "Add to basket");
  add.addEventListener("click", () => { byId("basket").textContent = String((basket += 1)); });
  return make("li", {}, tile, make("h3", {}, name), make("span", { className: "number" }, `€ ${price}`), make("p", {}, words), add);
}

function showAccount() {
  byId("account-label").textContent = account.email ? `Signed in as ${account.name}` : "Browsing as a guest";
  byId("account-avatar").textContent = account.email ? initials(account.name) : "G";
  byId("people").replaceChildren(...[guest, ...about.people].map(showPerson));
}

function showPerson(person) {
  const label = person.email
    ? make("span", {}, person.name, make("small", {}, person.email))
    : make("span", {}, "Browse as a guest", make("small", {}, "The chat knows nobody"));
  const face = make("span", { className: "avatar", "aria-hidden": "true" }, person.email ? initials(person.name) : "G");
  const button = make("button", { type: "button", "aria-pressed": String(person.email === account.email) }, face, label);
  button.addEventListener("click", () => become(person));
  return make("li", {}, button);
}

async function become(person) {
  problem.hidden = true;
  try {
    const { email, name } = person;
    const signed = email ? await ask("/shop/sign-in", { email, name }) : await ask("/shop/sign-out", {});
    tellWidget(account.email, signed?.identity_token);
    account = person;
    showAccount();
    document.querySelector(".account").open = false;
  } catch (refused) {
    problem.textContent = refused.message;
    problem.hidden = false;
  }
}

// Another person must not see what the one before them said: the chat forgets first, then learns who came.
function tellWidget(previousEmail, token) {
  window.Onethread ??= [];
  if (previousEmail) window.Onethread.push(["logout"]);
  if (token) window.Onethread.push(["identify", token]);
}

byId("other").addEventListener("submit", (event) => {
  event.preventDefault();
  const { name, email } = Object.fromEntries(new FormData(event.target));
  void become({ name: name.trim(), email: email.trim() }).then(() => event.target.reset());
});

document.addEventListener("click", (event) => {
  const menu = document.querySelector(".account");
  if (menu.open && !menu.contains(event.target)) menu.open = false;
});
document.addEventListener("keydown", (event) => {
  const menu = document.querySelector(".account");
  if (event.key === "Escape" && menu.open) {
    menu.open = false;
    menu.querySelector("summary").focus();
  }
});

function sayNoWidget() {
  problem.textContent = `The chat could not be loaded from ${new URL(widget.src).origin}. Is gateway-widget running? Then reload this page.`;
  problem.hidden = false;
}

const widget = document.querySelector('script[src$="/widget.js"]');
widget.addEventListener("error", sayNoWidget);
if ("failed" in widget.dataset) sayNoWidget();

keepShopLinksHere(document);
showShelves();
showAccount();
