/** What is no conversation: the pages of each section, in the order of the navigation. */
export type Section = "agent" | "knowledge" | "email";

export interface Place {
  section: Section;
  name: string;
  label: string;
  /** 24 px line icon. */
  icon: string;
  /** Not shown to others, who may do nothing there. */
  administrators?: boolean;
}

export const SECTIONS: Record<Section, string> = { agent: "AI agent", knowledge: "Knowledge", email: "Email" };

/** Another page is a line here, and one in `components/Pages.tsx`. */
export const places: Place[] = [
  { section: "agent", name: "report", label: "Report", icon: "M4 20h16M7 20v-8M12 20V5M17 20v-5" },
  {
    section: "agent",
    name: "settings",
    label: "Settings",
    icon: "M4 7h10M18 7h2M4 17h2M10 17h10M16 5v4M8 15v4",
    administrators: true,
  },
  {
    section: "agent",
    name: "tools",
    label: "Tools",
    icon: "M14 6a4 4 0 0 0 5 5l-8 8-4-4 8-8M5 17l2 2",
    administrators: true,
  },
  { section: "knowledge", name: "articles", label: "Articles", icon: "M6 3h9l4 4v14H6zM9 11h7M9 15h7" },
  { section: "knowledge", name: "sources", label: "Sources", icon: "M4 6h16M4 12h16M4 18h16" },
  { section: "knowledge", name: "proposals", label: "Proposals", icon: "M5 4h14v12H9l-4 4z" },
  { section: "knowledge", name: "gaps", label: "Gaps", icon: "M12 4a8 8 0 1 0 8 8M9.5 9.5a2.5 2.5 0 1 1 3.5 2.3c-.7.3-1 .8-1 1.7M12 16.5v.5" },
  { section: "knowledge", name: "search", label: "Search", icon: "M10.5 4a6.5 6.5 0 1 0 0 13 6.5 6.5 0 0 0 0-13M15.5 15.5L20 20" },
  { section: "knowledge", name: "test", label: "Test an answer", icon: "M8 5l11 7-11 7z" },
  { section: "knowledge", name: "bench", label: "Test bench", icon: "M4 6l3 3 5-5M4 16l3 3 5-5M15 8h6M15 18h6" },
  {
    section: "email",
    name: "addresses",
    label: "Addresses",
    icon: "M4 6h16v12H4zM4 7l8 6 8-6",
    administrators: true,
  },
  {
    section: "email",
    name: "stopped",
    label: "Stopped addresses",
    icon: "M12 4a8 8 0 1 0 0 16 8 8 0 0 0 0-16M6.5 6.5l11 11",
    administrators: true,
  },
];

export const placeOf = (section: string | undefined, name: string | undefined): Place | null =>
  places.find((place) => place.section === section && (place.name === name || (!name && section === "knowledge"))) ?? null;
