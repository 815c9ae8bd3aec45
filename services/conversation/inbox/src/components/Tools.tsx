import { useEffect, useState } from "preact/hooks";
import { api } from "../api.ts";
import { reasonOf } from "../threads.ts";
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
        {open === "new" && <ToolForm key="new" definition={EXAMPLE} done={load} />}
        {chosen && <ToolForm key={`${chosen.id} ${chosen.version}`} tool={chosen} definition={chosen} done={load} />}
        {chosen && <ToolTrial key={`${chosen.id} trial`} tool={chosen} />}
      </div>
    </section>
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
      <table>
        <thead>
          <tr>
            <th>Tool</th>
            <th>Asks</th>
            <th>It</th>
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
