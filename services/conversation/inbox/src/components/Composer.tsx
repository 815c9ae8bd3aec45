import { channelWord } from "@onethread/browser/channels.ts";
import { fullTime } from "@onethread/browser/time.ts";
import { useLayoutEffect, useRef } from "preact/hooks";
import { attach, filesOf, handOver, LARGEST, refusal } from "../attaching.ts";
import { compose, copiesOf, copyTo, mode, pick, picked } from "../composing.ts";
import { draftOf, keepDraft, type Mode } from "../drafts.ts";
import { currentConversation } from "../messages.ts";
import type { ReplyChannel, Suppression, Thread } from "../model.ts";
import { say, writeAgain } from "../sending.ts";
import { currentDetail } from "../threads.ts";
import { AttachButton, ComposerFiles, pasted, useDrop } from "./ComposerFiles.tsx";
import { Readers } from "./Readers.tsx";

export function Composer({ thread }: { thread: Thread }) {
  const known = currentDetail.value;
  const channels = known?.reply_channels ?? [];
  const channel = channels.find((one) => one.id === picked.value.get(thread.id)) ?? channels[0];
  const note = mode.value === "note";
  const text = draftOf(thread.id, mode.value);
  const stopped = note ? null : (channel?.stopped ?? null);
  const files = filesOf(thread.id, mode.value);
  const limits = note || !channel ? LARGEST : (channel.files ?? null);
  const refused = refusal(files, limits, channel ? channelWord(channel.kind) : "");
  const isThere = files.every(({ file }) => file) && !refused;
  const take = (chosen: File[]) => attach(thread.id, mode.value, chosen);
  const dropping = useDrop(limits ? take : undefined);
  const ready = (text.trim() !== "" || files.length > 0) && isThere && !stopped && (note || !known || channel !== undefined); // Until it is known the server picks.
  const copies = copiesOf(thread.id, channel);
  const send = () => {
    if (!ready) return;
    // Without a choice it goes where the customer is when it leaves, which may be elsewhere by then.
    const chosen = note || !picked.value.has(thread.id) ? null : (channel ?? null);
    say(thread.id, text.trim(), note, chosen, !note && channel?.to ? copies : undefined, handOver(thread.id, mode.value));
    copyTo(thread.id, null);
    keepDraft(thread.id, mode.value, "");
  };
  return (
    <section class={`composer${note ? " noting" : ""}${dropping ? " dropping" : ""}`} aria-label="Write">
      <Tabs channel={channel} />
      {stopped && <Stopped threadId={thread.id} address={stopped} />}
      {!note && channel?.left_out?.map((one) => <Stopped key={one.id} threadId={thread.id} address={one} />)}
      {!note && channel?.to && <Readers threadId={thread.id} channel={channel} copies={copies} />}
      <Field thread={thread} text={text} send={send} take={limits ? take : undefined} />
      <ComposerFiles threadId={thread.id} mode={mode.value} files={files} />
      {refused && (
        <p class="failure" role="alert">
          {refused}
        </p>
      )}
      <div class="bar">
        <p class={(isShared(channel, copies) || thread.verdict === "forged") && !note ? "audience shared" : "audience"}>
          {note ? "Only teammates see notes." : whoSees(thread, channel, copies)}
        </p>
        {!note && channels.length > 1 && <ChannelPicker thread={thread} channels={channels} channel={channel!} />}
        {limits ? (
          <AttachButton threadId={thread.id} mode={mode.value} />
        ) : (
          <span class="quiet">{channelWord(channel!.kind)} takes no files.</span>
        )}
        <span class="quiet saved">{text ? "Draft saved" : ""}</span>
        <button type="button" class="button primary" aria-disabled={!ready} onClick={send}>
          {note ? "Add note" : "Send"} <kbd>Ctrl ⏎</kbd>
        </button>
      </div>
    </section>
  );
}

/** What is written would not arrive: said before it is written. */
function Stopped({ threadId, address }: { threadId: string; address: Suppression }) {
  const again = () => void writeAgain(threadId, address);
  return (
    <div class="stopped" role="alert">
      <p title={fullTime(address.since)}>
        Nothing is sent to <b>{address.address}</b>: {address.reason}. That ends when they write from there.
      </p>
      <button type="button" class="button" onClick={again}>
        Send there again
      </button>
    </div>
  );
}

function Tabs({ channel }: { channel: ReplyChannel | undefined }) {
  return (
    <div class="tabs" role="tablist" aria-label="What to write">
      <Tab wanted="reply">{channel ? `Reply on ${channelWord(channel.kind)}` : "Reply"}</Tab>
      <Tab wanted="note">Internal note</Tab>
    </div>
  );
}

function Tab({ wanted, children }: { wanted: Mode; children: string }) {
  const selected = mode.value === wanted;
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key === "ArrowLeft" || event.key === "ArrowRight") mode.value = selected && wanted === "reply" ? "note" : "reply";
  };
  return (
    <button type="button" role="tab" aria-selected={selected} onKeyDown={onKeyDown} onClick={() => compose(wanted)}>
      {children}
    </button>
  );
}

interface FieldProps {
  thread: Thread;
  text: string;
  send(): void;
  take: ((files: File[]) => void) | undefined;
}

function Field({ thread, text, send, take }: FieldProps) {
  const field = useRef<HTMLTextAreaElement>(null);
  useLayoutEffect(() => {
    field.current!.style.blockSize = "auto";
    field.current!.style.blockSize = `${Math.min(field.current!.scrollHeight, 240)}px`;
  }, [text, mode.value]);
  const onKeyDown = (event: KeyboardEvent) => {
    if (event.key !== "Enter" || !(event.ctrlKey || event.metaKey)) return;
    event.preventDefault();
    send();
  };
  const onPaste = (event: ClipboardEvent) => {
    const files = pasted(event);
    if (!take || !files.length) return;
    event.preventDefault();
    take(files);
  };
  return (
    <textarea
      ref={field}
      rows={2}
      value={text}
      aria-label={mode.value === "note" ? "Internal note" : "Reply"}
      placeholder={mode.value === "note" ? "Write a note for your team" : "Write a reply"}
      onInput={(event) => keepDraft(thread.id, mode.value, event.currentTarget.value)}
      onKeyDown={onKeyDown}
      onPaste={onPaste}
    />
  );
}

interface PickerProps {
  thread: Thread;
  channels: ReplyChannel[];
  channel: ReplyChannel;
}

function ChannelPicker({ thread, channels, channel }: PickerProps) {
  return (
    <select
      class="button"
      aria-label="Reply on"
      value={channel.id}
      onChange={(event) => pick(thread.id, event.currentTarget.value)}
    >
      {channels.map((one) => (
        <option key={one.id} value={one.id}>
          {one.label}
        </option>
      ))}
    </select>
  );
}

function isShared(channel: ReplyChannel | undefined, copies: readonly string[]): boolean {
  return channel?.to ? copies.length > 0 : Boolean(channel?.audience.shared);
}

function whoSees(thread: Thread, channel: ReplyChannel | undefined, copies: readonly string[]): string {
  if (!channel) return currentDetail.value ? "There is no channel to answer on." : "";
  if (channel.to && thread.verdict === "forged") return `${channel.to} did not write this, and would get your answer.`;
  if (channel.to) return `Only ${[channel.to, ...copies].join(" and ")} will see this.`;
  if (!channel.audience.shared)
    return `Only ${whoIsThere(channel) ?? (thread.customer.name || thread.customer.email || "this visitor")} will see this.`;
  return `Everyone in ${channel.audience.name ?? "this place"} will see this.`;
}

/** Who wrote there last: of customers that a teammate joined, each reads only what is said on their own side. */
function whoIsThere(channel: ReplyChannel): string | null | undefined {
  const said = currentConversation.value?.messages.filter(
    (one) => one.author.kind === "customer" && one.channel?.id === channel.id,
  );
  return said?.at(-1)?.author.name;
}
