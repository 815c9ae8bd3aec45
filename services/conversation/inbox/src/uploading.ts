/** Files on their way to a source, and what came of them. They go on while another page is looked at. */
import { signal } from "@preact/signals";
import { upload } from "./knowledge.ts";
import { reasonOf } from "./threads.ts";

export interface Sent {
  name: string;
  /** 0 to 1 while it is on its way. */
  share: number;
  result: "on its way" | "kept" | "refused";
  reason?: string;
}

/** By source: those of the last choice. */
export const sentTo = signal<Record<string, Sent[]>>({});

/** One after the other; `done` is called after each, so that its reading shows. */
export async function sendAll(source: string, files: File[], done: () => Promise<void>): Promise<void> {
  const sent = files.map((file): Sent => ({ name: file.name, share: 0, result: "on its way" }));
  const note = (at: number, change: Partial<Sent>) => {
    sent[at] = { ...sent[at]!, ...change };
    sentTo.value = { ...sentTo.value, [source]: [...sent] };
  };
  for (const [at, file] of files.entries()) {
    note(at, {});
    note(at, await resultOf(file, source, (share) => note(at, { share })));
    await done();
  }
}

async function resultOf(file: File, source: string, onProgress: (share: number) => void): Promise<Partial<Sent>> {
  try {
    const { refused } = await upload(file, source, onProgress);
    return refused[0] ? { result: "refused", reason: refused[0].reason } : { result: "kept" };
  } catch (error) {
    return { result: "refused", reason: reasonOf(error) };
  }
}
