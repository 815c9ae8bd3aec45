/** What the REST API says of the agent's tools, and the lines in which an administrator writes them. */

export interface Definition {
  name: string;
  title: string;
  description: string;
  examples: string[];
  method: "GET" | "POST" | "PUT" | "PATCH" | "DELETE";
  url: string;
  headers: Record<string, string>;
  parameters: Record<string, unknown>;
  bindings: Record<string, string>;
  access: "reads" | "writes";
  identified: boolean;
  approval: boolean;
  owner: { pointer: string; is: string } | null;
  fields: Record<string, string>;
  answer: string;
  seconds: number;
  kilobytes: number;
}

export interface Tool extends Definition {
  id: string;
  active: boolean;
  secret_header_names: string[];
  version: number;
}

export interface ToolCall {
  id: string;
  title: string;
  thread_id: string;
  state: "code" | "waits" | "running" | "done" | "nothing" | "failed" | "unclear" | "declined" | "withdrawn";
  /** What waits for a teammate, in words. */
  wants: string;
  reason: string;
  status: number | null;
  milliseconds: number | null;
  by: string | null;
  created_at: string;
}

export interface Trial {
  outcome: "done" | "nothing" | "failed";
  text: string;
  reason: string;
  status: number | null;
  milliseconds: number;
}

export const STATES: Record<ToolCall["state"], string> = {
  code: "Waits for the customer's code",
  waits: "Waits for a teammate",
  running: "Was asked; nothing came back yet",
  done: "Answered",
  nothing: "Knew nothing of this customer's",
  failed: "Failed",
  unclear: "Not known whether it was done",
  declined: "Declined",
  withdrawn: "Withdrawn: nobody approved it in time",
};

/** A tool to begin with: it looks an order up. */
export const EXAMPLE: Definition = {
  name: "order_status",
  title: "our order system",
  description: "Where an order is and when it arrives.",
  examples: ["where is my order 1042?"],
  method: "GET",
  url: "https://api.shop.example/orders/{order}",
  headers: {},
  parameters: {
    type: "object",
    required: ["order"],
    properties: { order: { type: "string", title: "order number", pattern: "^[0-9]{4,8}$" } },
  },
  bindings: { email: "email" },
  access: "reads",
  identified: true,
  approval: true,
  owner: null,
  fields: { status: "/status" },
  answer: "Your order {order} is {status}.",
  seconds: 5,
  kilobytes: 64,
};

export const definitionOf = ({ id: _, active: __, secret_header_names: ___, version: ____, ...own }: Tool): Definition => {
  const { created_at: _____, ...definition } = own as Definition & { created_at?: string };
  return definition;
};

/** `{a: "b"}` as lines `a: b`. */
export const toLines = (pairs: Record<string, string>): string =>
  Object.entries(pairs)
    .map(([name, value]) => `${name}: ${value}`)
    .join("\n");

/** A line without a colon is a name without a value, which the server refuses in its own words. */
export const fromLines = (text: string): Record<string, string> =>
  Object.fromEntries(
    text
      .split("\n")
      .filter((line) => line.trim() !== "")
      .map((line) => {
        const at = line.indexOf(":");
        return at < 0 ? [line.trim(), ""] : [line.slice(0, at).trim(), line.slice(at + 1).trim()];
      }),
  );
