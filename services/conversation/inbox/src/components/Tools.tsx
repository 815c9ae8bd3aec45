import { useEffect, useState } from "preact/hooks";
import type { Workspace } from "../agent-model.ts";
import { numberOf } from "../agent-settings.ts";
import { api, me } from "../api.ts";
import { reasonOf } from "../threads.ts";
import { show } from "../toasts.ts";
import { EXAMPLE, type Tool } from "../tool-model.ts";
import { ToolForm } from "./ToolForm.tsx";
import { ToolTrial } from "./ToolTrial.tsx";

/** The tools by which the agent looks things up, and does them, in the workspace's own systems. */
export function ToolsPage() {
  const [tools, setTools] = useState<Tool[] | null>(null);
  const [open, setOpen] = useState<string | null>(null);
  const [failure, setFailure] = useState("");
  const load = async (next: string | null = open) => {
    setFailure("");
    try {
      setTools((await api.tools()).items);
      setOpen(next);
    } catch (error) {
      setFailure(reasonOf(error));
    }
  };
  useEffect(() => void load(), []);
  const chosen = tools?.find(({ id }) => id === open);
  return (
    <section class="pane page" aria-label="AI agent: tools">
      <header>
        <h1>AI agent: tools</h1>
        <button type="button" class="button" onClick={() => setOpen("new")}>
          New tool
        </button>
      </header>
      <div class="content">
        {failure && (
          <p class="failure" role="alert">
            The tools could not be read. {failure}
          </p>
        )}
        {tools && <ToolList tools={tools} open={open} choose={setOpen} />}
        {tools?.some(({ access }) => access === "writes") && <HowLong />}
        {open === "new" && <ToolForm key="new" definition={EXAMPLE} done={load} />}
        {chosen && <ToolForm key={`${chosen.id} ${chosen.version}`} tool={chosen} definition={chosen} done={load} />}
        {chosen && <ToolTrial key={`${chosen.id} trial`} tool={chosen} />}
      </div>
    </section>
  );
}

/** How long a change waits for a teammate, of all tools. */
function HowLong() {
  const [workspace, setWorkspace] = useState<Workspace | null>(null);
  const [hours, setHours] = useState("");
  const [failure, setFailure] = useState("");
  const read = (found: Workspace) => {
    setWorkspace(found);
    setHours(String(found.settings.approval_hours ?? ""));
  };
  useEffect(() => {
    api.workspace(me.value!.workspace!).then(read, (error: unknown) => setFailure(reasonOf(error)));
  }, []);
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    try {
      read(await api.changeApprovalHours(workspace!.id, numberOf(hours), workspace!.version));
      show({ text: "Saved." });
    } catch (error) {
      setFailure(`Not saved. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="agent-form" aria-label="How long a change waits" onSubmit={save}>
      <label class="field">
        Hours that a change waits for a teammate; then it is withdrawn, and a person takes the conversation
        <input
          type="number"
          min={1}
          max={720}
          placeholder="24"
          disabled={!workspace}
          value={hours}
          onInput={({ currentTarget: { value } }) => setHours(value)}
        />
      </label>
      <button class="button" disabled={!workspace}>
        Save
      </button>
      {failure && (
        <p class="failure" role="alert">
          {failure}
        </p>
      )}
    </form>
  );
}

interface ListProps {
  tools: Tool[];
  open: string | null;
  choose(id: string): void;
}

function ToolList({ tools, open, choose }: ListProps) {
  if (tools.length === 0) {
    return (
      <p class="quiet">
        With a tool the agent answers what no article knows: where an order is, what an account holds. It asks an address of
        your own, for the customer who is proven to ask, and says only the fields that you name.
      </p>
    );
  }
  return (
    <div class="scroll">
      <table class="words">
        <thead>
          <tr>
            <th>Tool</th>
            <th>Asks</th>
            <th>What it does</th>
            <th>State</th>
          </tr>
        </thead>
        <tbody>
          {tools.map((tool) => (
            <tr key={tool.id}>
              <th>
                <button
                  type="button"
                  class="link"
                  aria-expanded={open === tool.id}
                  onClick={() => choose(tool.id)}
                >
                  {tool.name}
                </button>
              </th>
              <td>{tool.title}</td>
              <td>{tool.access === "reads" ? "looks up" : tool.approval ? "changes, if approved" : "changes"}</td>
              <td>{tool.active ? "on" : "off"}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </div>
  );
}
