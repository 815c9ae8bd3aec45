import { useState } from "preact/hooks";
import { linesOf } from "../agent-settings.ts";
import { api } from "../api.ts";
import { reasonOf } from "../threads.ts";
import { show } from "../toasts.ts";
import { definitionOf, fromLines, toLines, type Definition, type Tool } from "../tool-model.ts";

const METHODS: Definition["method"][] = ["GET", "POST", "PUT", "PATCH", "DELETE"];

interface Props {
  tool?: Tool;
  definition: Definition;
  /** Read again, and show this one. */
  done(open: string | null): Promise<void>;
}

/** A tool as an administrator writes it. Secrets go in, and never come out again. */
export function ToolForm({ tool, definition, done }: Props) {
  const [own, setOwn] = useState<Definition>(tool ? definitionOf(tool) : definition);
  const [schema, setSchema] = useState(JSON.stringify(own.parameters, null, 2));
  const [secrets, setSecrets] = useState("");
  const [active, setActive] = useState(tool?.active ?? true);
  const [failure, setFailure] = useState("");
  const set = (change: Partial<Definition>) => setOwn({ ...own, ...change });
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    setFailure("");
    try {
      const whole = { ...own, parameters: parsed(schema) };
      const secret = secrets.trim() ? { secret_headers: fromLines(secrets) } : {};
      const saved = tool
        ? await api.changeTool(tool.id, { definition: whole, active, ...secret }, tool.version)
        : await api.createTool({ ...whole, active, ...secret });
      show({ text: "Saved. The agent knows it within five seconds." });
      await done(saved.id);
    } catch (error) {
      setFailure(`Not saved. ${error instanceof SyntaxError ? error.message : reasonOf(error)}`);
    }
  };
  const remove = async () => {
    try {
      await api.removeTool(tool!.id);
      await done(null);
    } catch (error) {
      setFailure(`Not removed. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="agent-form" aria-label={tool ? tool.name : "New tool"} onSubmit={save}>
      <WhatFor own={own} set={set} />
      <Request own={own} set={set} schema={schema} setSchema={setSchema} secrets={secrets} setSecrets={setSecrets} tool={tool} />
      <Trust own={own} set={set} active={active} setActive={setActive} />
      <Answer own={own} set={set} />
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        <button class="button primary">Save</button>
        {tool && (
          <button type="button" class="button" onClick={() => void remove()}>
            Remove
          </button>
        )}
      </div>
    </form>
  );
}

function parsed(schema: string): Record<string, unknown> {
  try {
    return JSON.parse(schema) as Record<string, unknown>;
  } catch {
    throw new SyntaxError("What the customer must say is not JSON.");
  }
}

interface PartProps {
  own: Definition;
  set(change: Partial<Definition>): void;
}

function WhatFor({ own, set }: PartProps) {
  return (
    <fieldset>
      <legend>What it is for</legend>
      <Line label="Name, as the language model calls it" value={own.name} put={(name) => set({ name })} />
      <Line label="The system, as customers read it" value={own.title} put={(title) => set({ title })} />
      <Lines label="When to use it" rows={2} value={own.description} put={(description) => set({ description })} />
      <Lines
        label="What customers write who need it, one a line, in any language"
        value={own.examples.join("\n")}
        put={(text) => set({ examples: linesOf(text) })}
      />
    </fieldset>
  );
}

interface RequestProps extends PartProps {
  schema: string;
  setSchema(text: string): void;
  secrets: string;
  setSecrets(text: string): void;
  tool: Tool | undefined;
}

function Request({ own, set, schema, setSchema, secrets, setSecrets, tool }: RequestProps) {
  const kept = tool?.secret_header_names.join(", ");
  return (
    <fieldset>
      <legend>What it asks</legend>
      <label class="field">
        Method
        <select
          value={own.method}
          onChange={({ currentTarget: { value } }) => set({ method: value as Definition["method"] })}
        >
          {METHODS.map((method) => (
            <option key={method}>{method}</option>
          ))}
        </select>
      </label>
      <Line label="Address; {order} stands for a parameter" value={own.url} put={(url) => set({ url })} />
      <Lines label="What the customer must say, as JSON Schema" rows={8} code value={schema} put={setSchema} />
      <Lines
        label="What the server fills in by itself: email, site_user, customer_id or attribute:plan"
        rows={2}
        code
        value={toLines(own.bindings)}
        put={(text) => set({ bindings: fromLines(text) })}
      />
      <Lines label="Headers" rows={2} code value={toLines(own.headers)} put={(text) => set({ headers: fromLines(text) })} />
      <Lines
        label={kept ? `Secret headers. ${kept}: kept; write them all to replace them` : "Secret headers, never shown again"}
        rows={2}
        code
        value={secrets}
        put={setSecrets}
      />
    </fieldset>
  );
}

function Trust({ own, set, active, setActive }: PartProps & { active: boolean; setActive(on: boolean): void }) {
  return (
    <fieldset>
      <legend>What it may</legend>
      <Check label="It is on" on={active} put={setActive} />
      <Check
        label="It changes something"
        on={own.access === "writes"}
        put={(on) => set({ access: on ? "writes" : "reads" })}
      />
      {own.access === "writes" && (
        <Check label="A teammate approves each change" on={own.approval} put={(approval) => set({ approval })} />
      )}
      <Check
        label="Only for customers who are proven to be who they say"
        on={own.identified}
        put={(identified) => set({ identified })}
      />
      <Line
        label="Where the answer says whose it is, such as /customer/email; another's is not told"
        value={own.owner?.pointer ?? ""}
        optional
        put={(pointer) => set({ owner: pointer ? { pointer, is: own.owner?.is ?? "email" } : null })}
      />
    </fieldset>
  );
}

function Answer({ own, set }: PartProps) {
  return (
    <fieldset>
      <legend>What may be said</legend>
      <Lines
        label="Fields of the answer, by JSON Pointer"
        rows={3}
        code
        value={toLines(own.fields)}
        put={(text) => set({ fields: fromLines(text) })}
      />
      <Lines
        label="The answer in your words. A line that lacks a field is left out"
        rows={3}
        value={own.answer}
        put={(answer) => set({ answer })}
      />
      <label class="field">
        Seconds that it may take
        <input
          type="number"
          min={1}
          max={15}
          value={own.seconds}
          onInput={({ currentTarget: { value } }) => set({ seconds: Number(value) })}
        />
      </label>
    </fieldset>
  );
}

interface TextProps {
  label: string;
  value: string;
  put(text: string): void;
}

function Line({ label, value, put, optional }: TextProps & { optional?: boolean }) {
  return (
    <label class="field">
      {label}
      <input required={!optional} value={value} onInput={({ currentTarget }) => put(currentTarget.value)} />
    </label>
  );
}

function Lines({ label, value, put, rows = 4, code }: TextProps & { rows?: number; code?: boolean }) {
  return (
    <label class="field">
      {label}
      <textarea
        rows={rows}
        class={code ? "code" : undefined}
        spellcheck={!code}
        defaultValue={value}
        onInput={({ currentTarget }) => put(currentTarget.value)}
      />
    </label>
  );
}

function Check({ label, on, put }: { label: string; on: boolean; put(on: boolean): void }) {
  return (
    <label class="check">
      <input type="checkbox" checked={on} onChange={({ currentTarget: { checked } }) => put(checked)} />
      {label}
    </label>
  );
}
