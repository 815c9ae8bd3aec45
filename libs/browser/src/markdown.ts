/**
 * Markdown-lite: bold, italic, code, links, lists, quotes. Parsed to data and built as nodes through the caller's
 * `h`, never through HTML text, so nothing that a customer writes can become markup.
 */

export type Inline =
  | string
  | { kind: "strong" | "em"; children: Inline[] }
  | { kind: "code"; text: string }
  | { kind: "link"; href: string; children: Inline[] }
  | { kind: "break" };

export type Block =
  | { kind: "paragraph" | "quote" | "heading"; children: Inline[] }
  | { kind: "list"; ordered: boolean; start: number; items: Inline[][] }
  | { kind: "code"; text: string };

const FENCE = /^\s*```/;
const BULLET = /^\s*[-*•]\s+(.*)$/;
const NUMBER = /^\s*(\d{1,9})[.)]\s+(.*)$/;
const QUOTE = /^\s*>\s?(.*)$/;
const HEADING = /^#{1,6}\s+(.*)$/;

/** Lengths are bounded so that hostile text cannot make the search slow. */
const INLINE = new RegExp(
  [
    "`([^`\\n]{1,2000})`",
    "\\*\\*(?=\\S)([^\\n]{1,500}?)\\*\\*",
    "(?<![\\w*])\\*(?=[^\\s*])([^*\\n]{1,500}?)\\*(?![\\w*])",
    "(?<!\\w)_(?=[^\\s_])([^_\\n]{1,500}?)_(?!\\w)",
    "\\[([^\\]\\n]{1,500})\\]\\(([^()\\s]{1,2000})\\)",
    "(https?://[^\\s<>()\\[\\]]{1,2000}[^\\s<>()\\[\\].,;:!?'\"*_])",
  ].join("|"),
  "g",
);

export function parseMarkdown(text: string): Block[] {
  const lines = text.replace(/\r\n?/g, "\n").split("\n");
  const blocks: Block[] = [];
  let at = 0;
  while (at < lines.length) {
    const line = lines[at]!;
    if (!line.trim()) at += 1;
    else if (FENCE.test(line)) at = readFence(lines, at, blocks);
    else if (BULLET.test(line) || NUMBER.test(line)) at = readList(lines, at, blocks);
    else if (QUOTE.test(line)) at = readQuote(lines, at, blocks);
    else if (HEADING.test(line)) at = readHeading(lines, at, blocks);
    else at = readParagraph(lines, at, blocks);
  }
  return blocks;
}

function readFence(lines: string[], from: number, blocks: Block[]): number {
  let end = from + 1;
  while (end < lines.length && !FENCE.test(lines[end]!)) end += 1;
  blocks.push({ kind: "code", text: lines.slice(from + 1, end).join("\n") });
  return end + 1;
}

function readList(lines: string[], from: number, blocks: Block[]): number {
  const pattern = BULLET.test(lines[from]!) ? BULLET : NUMBER;
  const ordered = pattern === NUMBER;
  const items: Inline[][] = [];
  let at = from;
  for (let found = pattern.exec(lines[at]!); found; found = pattern.exec(lines[++at] ?? "")) {
    items.push(parseInline(found.at(-1)!));
  }
  const start = ordered ? Number(NUMBER.exec(lines[from]!)![1]) : 1;
  blocks.push({ kind: "list", ordered, start, items });
  return at;
}

function readQuote(lines: string[], from: number, blocks: Block[]): number {
  const quoted: string[] = [];
  let at = from;
  for (let found = QUOTE.exec(lines[at]!); found; found = QUOTE.exec(lines[++at] ?? "")) quoted.push(found[1]!);
  blocks.push({ kind: "quote", children: parseLines(quoted) });
  return at;
}

function readHeading(lines: string[], at: number, blocks: Block[]): number {
  blocks.push({ kind: "heading", children: parseInline(HEADING.exec(lines[at]!)![1]!) });
  return at + 1;
}

function readParagraph(lines: string[], from: number, blocks: Block[]): number {
  const startsBlock = (line: string) =>
    !line.trim() || [FENCE, BULLET, NUMBER, QUOTE, HEADING].some((pattern) => pattern.test(line));
  let at = from + 1;
  while (at < lines.length && !startsBlock(lines[at]!)) at += 1;
  blocks.push({ kind: "paragraph", children: parseLines(lines.slice(from, at)) });
  return at;
}

function parseLines(lines: string[]): Inline[] {
  return lines.flatMap((line, index) => [...(index ? [{ kind: "break" } as const] : []), ...parseInline(line)]);
}

export function parseInline(text: string): Inline[] {
  const found: Inline[] = [];
  let end = 0;
  for (const match of text.matchAll(INLINE)) {
    if (match.index > end) found.push(text.slice(end, match.index));
    found.push(readInline(match));
    end = match.index + match[0].length;
  }
  if (end < text.length) found.push(text.slice(end));
  return found;
}

function readInline(match: RegExpMatchArray): Inline {
  const [whole, code, strong, star, underscore, label, target, address] = match;
  if (code !== undefined) return { kind: "code", text: code };
  if (strong !== undefined) return { kind: "strong", children: parseInline(strong) };
  if (star ?? underscore) return { kind: "em", children: parseInline((star ?? underscore)!) };
  if (address !== undefined) return { kind: "link", href: address, children: [address] };
  const href = safeHref(target ?? null);
  return href ? { kind: "link", href, children: [label!] } : whole;
}

/** The address if a click on it is safe, else null. */
export function safeHref(address: string | null): string | null {
  return address && /^(https?:\/\/|mailto:)/i.test(address) ? address : null;
}

type Hyperscript<Node> = (tag: string, props: Record<string, unknown> | null, ...children: (Node | string)[]) => Node;

/** Builds the nodes of `text` with any hyperscript function, such as Preact's `h`. */
export function renderMarkdown<Node>(h: Hyperscript<Node>, text: string): Node[] {
  return parseMarkdown(text).map((block) => renderBlock(h, block));
}

function renderBlock<Node>(h: Hyperscript<Node>, block: Block): Node {
  const inline = (children: Inline[]) => children.map((child) => renderInline(h, child));
  if (block.kind === "code") return h("pre", null, h("code", null, block.text));
  if (block.kind === "list") {
    const items = block.items.map((item) => h("li", null, ...inline(item)));
    return block.ordered ? h("ol", { start: block.start }, ...items) : h("ul", null, ...items);
  }
  if (block.kind === "quote") return h("blockquote", null, ...inline(block.children));
  if (block.kind === "heading") return h("p", null, h("strong", null, ...inline(block.children)));
  return h("p", null, ...inline(block.children));
}

function renderInline<Node>(h: Hyperscript<Node>, inline: Inline): Node | string {
  if (typeof inline === "string") return inline;
  if (inline.kind === "break") return h("br", null);
  if (inline.kind === "code") return h("code", null, inline.text);
  const children = inline.children.map((child) => renderInline(h, child));
  if (inline.kind !== "link") return h(inline.kind, null, ...children);
  return h("a", { href: inline.href, target: "_blank", rel: "noopener noreferrer nofollow" }, ...children);
}

/** `text` as one plain line, for lists and previews. */
export function plainLine(text: string): string {
  const flat = (inline: Inline): string => {
    if (typeof inline === "string") return inline;
    if (inline.kind === "break") return " ";
    return inline.kind === "code" ? inline.text : inline.children.map(flat).join("");
  };
  const lines = parseMarkdown(text.slice(0, 600)).map((block) => {
    if (block.kind === "code") return block.text;
    return block.kind === "list" ? block.items.map((item) => item.map(flat).join("")).join(" ") : block.children.map(flat).join("");
  });
  return lines.join(" ").replace(/\s+/g, " ").trim();
}
