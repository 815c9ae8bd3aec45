import { needsPerson, type Thread } from "./model.ts";

export type ViewName = "mine" | "unassigned" | "all" | "ai" | "waiting" | "snoozed" | "closed" | "search";

interface View {
  label: string;
  /** 24 px line icon. */
  icon: string;
  /** What the server is asked for. */
  filter: Record<string, string>;
  /** Whether a thread that changed belongs here now. */
  holds(thread: Thread, myId: string): boolean;
  empty: string;
}

const isOpen = (thread: Thread): boolean => thread.status === "open" && !thread.merged_into_id;

export const views: Record<ViewName, View> = {
  mine: {
    label: "Mine",
    icon: "M12 12a4 4 0 1 0 0-8 4 4 0 0 0 0 8zM4 21a8 8 0 0 1 16 0",
    filter: { status: "open", assignee: "me" },
    holds: (thread, myId) => isOpen(thread) && thread.assignee?.id === myId,
    empty: "Nothing waits for you.",
  },
  unassigned: {
    label: "Unassigned",
    icon: "M3 13h5l1 3h6l1-3h5M3 13l3-8h12l3 8v6H3z",
    filter: { status: "open", assignee: "none" },
    holds: (thread) => isOpen(thread) && needsPerson(thread),
    empty: "Every open conversation has someone.",
  },
  all: {
    label: "All open",
    icon: "M4 6h16M4 12h16M4 18h16",
    filter: { status: "open" },
    holds: isOpen,
    empty: "No conversation is open.",
  },
  ai: {
    label: "AI handled",
    icon: "M12 3v4M5 7h14v12H5zM9 12v2M15 12v2",
    filter: { status: "open", assignee: "agent" },
    holds: (thread) => isOpen(thread) && !thread.assignee && !needsPerson(thread),
    empty: "The AI holds no conversation now.",
  },
  waiting: {
    label: "Waiting for customer",
    icon: "M6 3h12M6 21h12M7 3c0 6 10 6 10 9s-10 3-10 9M17 3c0 3-2 5-4 6",
    filter: { status: "waiting" },
    holds: (thread) => thread.status === "waiting",
    empty: "No conversation waits for its customer.",
  },
  snoozed: {
    label: "Snoozed",
    icon: "M12 21a8 8 0 1 0 0-16 8 8 0 0 0 0 16zM12 9v4l3 2M4 5l3-2M20 5l-3-2",
    filter: { status: "snoozed" },
    holds: (thread) => thread.status === "snoozed",
    empty: "Nothing is snoozed.",
  },
  closed: {
    label: "Closed",
    icon: "M4 12l5 5L20 6",
    filter: { status: "closed" },
    holds: (thread) => thread.status === "closed" && !thread.merged_into_id,
    empty: "Nothing has been closed yet.",
  },
  search: {
    label: "Search",
    icon: "M11 18a7 7 0 1 0 0-14 7 7 0 0 0 0 14zM16 16l5 5",
    filter: { status: "all" },
    holds: () => false,
    empty: "Nothing found. Search looks at names, addresses and messages.",
  },
};

export const namedViews: ViewName[] = ["mine", "unassigned", "all", "ai", "waiting", "snoozed", "closed"];
