import { Icon } from "./Icon.tsx";

export function Warning({ children }: { children: string }) {
  return (
    <p class="warning">
      <Icon path="M12 4L2.5 20h19zM12 10v4M12 17h.01" />
      <span>
        <b>Careful:</b> {children}
      </span>
    </p>
  );
}
