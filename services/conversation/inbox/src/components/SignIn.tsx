import { useState } from "preact/hooks";
import { api, me, Problem } from "../api.ts";

export function SignIn() {
  const [failure, setFailure] = useState("");
  const [busy, setBusy] = useState(false);
  const signIn = async (event: SubmitEvent) => {
    event.preventDefault();
    const fields = new FormData(event.currentTarget as HTMLFormElement);
    setBusy(true);
    setFailure("");
    try {
      me.value = await api.signIn(String(fields.get("email")), String(fields.get("password")));
    } catch (error) {
      setFailure(said(error));
      setBusy(false);
    }
  };
  return (
    <main class="sign-in">
      <form onSubmit={signIn} class="pane">
        <div class="brand">
          <i />
          Onethread
        </div>
        <h1>Sign in to your inbox</h1>
        <label>
          Email
          <input name="email" type="email" autocomplete="username" required autofocus />
        </label>
        <label>
          Password
          <input name="password" type="password" autocomplete="current-password" required />
        </label>
        <p class="failure" role="alert">
          {failure}
        </p>
        <button class="button primary" aria-disabled={busy}>
          {busy ? "Signing in…" : "Sign in"}
        </button>
      </form>
    </main>
  );
}

function said(error: unknown): string {
  if (!(error instanceof Problem)) throw error;
  return error.status === 401 ? "This email and password do not match. Please check both." : error.message;
}
