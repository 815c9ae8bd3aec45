import { Tip } from "./Tip.tsx";

/** A number with its name, and with what it means for whoever asks. */
export function Figure({ name, value, children }: { name: string; value: string | number; children?: string }) {
  return (
    <div>
      <dt>
        {name} {children && <Tip about={name}>{children}</Tip>}
      </dt>
      <dd>{typeof value === "number" ? value.toLocaleString() : value}</dd>
    </div>
  );
}
