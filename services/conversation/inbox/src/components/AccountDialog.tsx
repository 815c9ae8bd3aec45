import { useState } from "preact/hooks";
import { api, me, type OwnChange } from "../api.ts";
import { overlay } from "../keys.ts";
import { reasonOf } from "../threads.ts";
import { show } from "../toasts.ts";
import { Dialog } from "./Dialog.tsx";

const SHORTEST_PASSWORD = 8;

export function AccountDialog() {
  if (overlay.value !== "account") return null;
  const close = () => (overlay.value = null);
  return (
    <Dialog title="Your account" close={close}>
      <AccountForm close={close} />
    </Dialog>
  );
}

function AccountForm({ close }: { close(): void }) {
  const [password, setPassword] = useState("");
  const [failure, setFailure] = useState("");
  const save = async (event: SubmitEvent) => {
    event.preventDefault();
    const change = changeOf(new FormData(event.currentTarget as HTMLFormElement));
    try {
      if (Object.keys(change).length > 0) me.value = await api.changeMe(change);
      close();
      if (change.password) show({ text: "Your new password holds. You are signed out everywhere else." });
    } catch (error) {
      setFailure(`Not saved. ${reasonOf(error)}`);
    }
  };
  return (
    <form class="stack" onSubmit={save}>
      <p class="quiet">{me.value?.email}</p>
      <label class="field">
        Name
        <input name="name" autocomplete="name" required maxLength={200} defaultValue={me.value?.name ?? ""} autofocus />
      </label>
      <label class="field">
        New password
        <input
          name="password"
          type="password"
          autocomplete="new-password"
          minLength={SHORTEST_PASSWORD}
          onInput={({ currentTarget: { value } }) => setPassword(value)}
        />
      </label>
      {password && (
        <label class="field">
          Current password
          <input name="current_password" type="password" autocomplete="current-password" required />
        </label>
      )}
      <p class="failure" role="alert">
        {failure}
      </p>
      <div class="buttons">
        <button class="button primary">Save</button>
        <button type="button" class="button" onClick={close}>
          Cancel
        </button>
      </div>
    </form>
  );
}

function changeOf(fields: FormData): OwnChange {
  const [name, password] = [String(fields.get("name")).trim(), String(fields.get("password"))];
  return {
    ...(name === me.value?.name ? {} : { name }),
    ...(password ? { password, current_password: String(fields.get("current_password")) } : {}),
  };
}
