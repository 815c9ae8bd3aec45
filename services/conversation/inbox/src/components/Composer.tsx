import { channelWord } from "@onethread/browser/channels.ts";
import { useLayoutEffect, useRef } from "preact/hooks";
import { compose, mode, pick, picked } from "../composing.ts";
import { draftOf, keepDraft, type Mode } from "../drafts.ts";
import { currentConversation } from "../messages.ts";
import type { ReplyChannel, Thread } from "../model.ts";
import { say } from "../sending.ts";
import { currentDetail } from "../threads.ts";

export function Composer({ thread }: { thread: Thread }) {
  const known = currentDetail.value;
  const channels = known?.reply_channels ?? [];
  const channel = channels.find((one) => one.id === picked.value.get(thread.id)) ?? channels[0];
  const note = mode.value === "note";
  const text = draftOf(thread.id, mode.value);
  const ready = text.trim() !== "" && (note || !known || channel !== undefined); // Until it is known the server picks.
  const send = () => {
    if (!ready) return;
    // Without a choice it goes where the customer is when it leaves, which may be elsewhere by then.
    say(thread.id, text.trim(), note, note || !picked.value.has(thread.id) ? null : (channel ?? null));
    keepDraft(thread.id, mode.value, "");
  };
  return (
    <section class={note ? "composer noting" : "composer"} aria-label="Write">
      <Tabs channel={channel} />
      <Field thread={thread} text={text} send={send} />
      <div class="bar">
        <p class={channel?.audience.shared && !note ? "audience shared" : "audience"}>
          {note ? "Only teammates see notes." : whoSees(thread, channel)}
        </p>
        {!note && channels.length > 1 && <ChannelPicker thread={thread} channels={channels} channel={channel!} />}
        <span class="quiet saved">{text ? "Draft saved" : ""}</span>
        <button type="button" class="button primary" aria-disabled={!ready} onClick={send}>
          {note ? "Add note" : "Send"} <kbd>Ctrl ⏎</kbd>
        </button>
      </div>
    </section>
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

function Field({ thread, text, send }: { thread: Thread; text: string; send(): void }) {
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
  return (
    <textarea
      ref={field}
      rows={2}
      value={text}
      aria-label={mode.value === "note" ? "Internal note" : "Reply"}
      placeholder={mode.value === "note" ? "Write a note for your team" : "Write a reply"}
      onInput={(event) => keepDraft(thread.id, mode.value, event.currentTarget.value)}
      onKeyDown={onKeyDown}
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

function whoSees(thread: Thread, channel: ReplyChannel | undefined): string {
  if (!channel) return currentDetail.value ? "There is no channel to answer on." : "";
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
