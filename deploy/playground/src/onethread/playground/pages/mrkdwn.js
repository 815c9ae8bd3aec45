// Slack's mrkdwn as DOM nodes. Text becomes text nodes: nothing in a message is ever read as HTML.

import { make } from "./page.js";

const MARKED_LIMIT = 400; // a mark that never ends must not make the reader wait
const token = new RegExp(["`([^`\\n]+)`", "<([^<>\\n]+)>", mark("*"), mark("_"), mark("~")].join("|"), "g");
const MARKS = [[3, "b"], [4, "i"], [5, "s"]];

// A mark counts at the edge of a word only, and never across lines.
function mark(sign) {
  const s = `\\${sign}`;
  return `(?<![\\w${s}])${s}((?=[^\\s${s}])[^\\n]{0,${MARKED_LIMIT}}?[^\\s${s}])${s}(?![\\w${s}])`;
}

/** `names`: `{users: {id: name}, channels: {id: name}, me: id}`. */
export function mrkdwn(text, names) {
  const parts = text.split(/```\n?([\s\S]*?)\n?```/);
  const out = document.createDocumentFragment();
  parts.forEach((part, index) => {
    if (index % 2) out.append(make("pre", {}, make("code", {}, plain(part))));
    else out.append(...lines(part, names));
  });
  return out;
}

function lines(text, names) {
  const out = [];
  let quote = null;
  text.split("\n").forEach((line, index, all) => {
    const quoted = /^(?:&gt;|>) ?(.*)$/.exec(line);
    const content = nodes(quoted ? quoted[1] : line, names);
    if (quoted) {
      if (quote) quote.append(make("br"), ...content);
      else out.push((quote = make("blockquote", {}, ...content)));
      return;
    }
    out.push(...content);
    if (index < all.length - 1) out.push(make("br"));
    quote = null;
  });
  return out;
}

function nodes(text, names) {
  const out = [];
  let end = 0;
  for (const match of text.matchAll(token)) {
    out.push(text.slice(end, match.index), formatted(match, names));
    end = match.index + match[0].length;
  }
  return [...out, text.slice(end)].filter(Boolean).map((part) => (typeof part === "string" ? plain(part) : part));
}

function formatted(match, names) {
  if (match[1]) return make("code", {}, plain(match[1]));
  if (match[2]) return reference(match[2], names);
  const [group, tag] = MARKS.find(([number]) => match[number]);
  return make(tag, {}, ...nodes(match[group], names));
}

function reference(inner, names) {
  const [target, label] = splitOnce(inner, "|");
  if (target.startsWith("@")) return mention(`@${names.users[target.slice(1)] ?? label ?? target.slice(1)}`, target.slice(1) === names.me);
  if (target.startsWith("#")) return mention(`#${names.channels[target.slice(1)] ?? label ?? target.slice(1)}`, false);
  if (target.startsWith("!")) return mention(`@${label?.replace(/^@/, "") ?? target.slice(1).split("^")[0]}`, false);
  if (!/^(https?:\/\/|mailto:)/i.test(target)) return plain(`<${inner}>`);
  const href = unescaped(target);
  return make("a", { href, target: "_blank", rel: "noopener noreferrer" }, unescaped(label ?? target.replace(/^mailto:/i, "")));
}

const mention = (text, me) => make("span", { className: me ? "mention me" : "mention" }, unescaped(text));
const plain = (text) => document.createTextNode(unescaped(text));
const unescaped = (text) => text.replace(/&(lt|gt|amp);/g, (_, name) => ({ lt: "<", gt: ">", amp: "&" })[name]);

function splitOnce(text, sign) {
  const at = text.indexOf(sign);
  return at < 0 ? [text, undefined] : [text.slice(0, at), text.slice(at + 1)];
}

/** The blocks that a support bot sends; what we do not know is left to the message's text. */
export function blocks(message, names) {
  const known = (message.blocks ?? []).filter((block) => block.type in drawn);
  const out = document.createDocumentFragment();
  if (!known.length) out.append(mrkdwn(message.text, names));
  for (const block of known) out.append(drawn[block.type](block, names));
  return out;
}

const drawn = {
  section: (block, names) => make("div", {}, ...[block.text, ...(block.fields ?? [])].filter(Boolean).map((text) => words(text, names))),
  header: (block, names) => make("div", { className: "heading" }, words(block.text, names)),
  context: (block, names) => make("div", { className: "context" }, ...(block.elements ?? []).map((text) => words(text, names))),
  markdown: (block, names) => make("div", {}, mrkdwn(block.text, names)),
  divider: () => make("hr"),
};

function words(text, names) {
  if (text.type === "mrkdwn") return make("div", {}, mrkdwn(text.text, names));
  return make("div", {}, text.text ?? text.alt_text ?? "");
}
