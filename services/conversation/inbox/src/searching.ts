/** How knowledge searches: the embedding model, and how right it is about how sure it is. */
import { call } from "./api.ts";
import type { Passage } from "./knowledge-model.ts";

export interface EmbeddingModel {
  id: string;
  name: string;
  kind: "built_in" | "openai" | "ollama" | "sentence_transformers";
  /** What it is good for, in words. */
  languages: string;
  available: boolean;
  why_not: string | null;
  /** There is a shipped calibration for it. */
  calibrated: boolean;
  /** Host that all texts are sent to. */
  sends_text_to: string | null;
}

export interface Embedding {
  models: EmbeddingModel[];
  live: string;
  /** Articles are read anew with it; the live one goes on until then. `error` holds it up. */
  building: { model: string; passages: number; of: number; error: string | null } | null;
  /** Why the live one cannot be used now. */
  error: string | null;
}

export interface Bin {
  count: number;
  /** How sure it was on average, and how many were right. */
  belief: number;
  right: number;
}

export interface Figures {
  /** How far how sure it is, and how right it is, are apart on average. */
  off: number;
  surprise: number;
  coverage: number;
  precision: number | null;
  bins: Bin[];
}

export type Origin = "thumb" | "used" | "dismissed" | "bench" | "search" | "api";

export interface Calibration {
  in_use: { version: string; model_id: string; data: string; by: string | null; since: string | null };
  judged: { total: number; right: number; origins: Partial<Record<Origin, number>> };
  needed: { total: number; of_each: number; unsure: number };
  /** How sure the agent must be to answer by itself. */
  threshold: number;
  figures: Figures | null;
  offer: { id: string; version: string; before: Figures; after: Figures } | null;
  why_not: string | null;
}

export interface Found {
  confidence: number;
  passages: Passage[];
  calibration: string;
  evidence: unknown;
}

export const KINDS: Record<EmbeddingModel["kind"], string> = {
  built_in: "Part of Onethread",
  openai: "OpenAI-compatible server",
  ollama: "Ollama server",
  sentence_transformers: "Model on your server",
};

export const ORIGINS: Record<Origin, string> = {
  thumb: "Thumbs of customers",
  used: "Drafts sent as they were",
  dismissed: "Drafts dismissed as wrong",
  bench: "Test bench",
  search: "Searches judged here",
  api: "Other programs",
};

export const searching = {
  embedding: () => call<Embedding>("GET", "knowledge/embedding"),
  choose: (model: string) => call<Embedding>("PUT", "knowledge/embedding", { model }),
  calibration: () => call<Calibration>("GET", "knowledge/calibration"),
  adopt: (offer: string) => call<Calibration>("POST", "knowledge/calibration", { offer }),
  goBack: () => call<Calibration>("DELETE", "knowledge/calibration"),
  find: (query: string) => call<Found>("POST", "knowledge/search", { query }),
  judge: (query: string, right: boolean, evidence: unknown) =>
    call<{ counted: boolean }>("POST", "knowledge/judgements", { query, right, evidence, origin: "search" }),
};
