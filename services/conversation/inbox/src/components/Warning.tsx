import { Icon } from "./Icon.tsx";

/** How a reason begins that speaks against joining two people: their addresses look alike and are not. */
export const CAREFUL = /^careful:\s*/i;

export function Warning({ children }: { children: string }) {
  return (
    <p class="warning">
      <Icon path="M12 4L2.5 20h19zM12 10v4M12 17h.01" />
      <span>
        <b>Careful:</b> {children.replace(CAREFUL, "")}
      </span>
    </p>
  );
}
