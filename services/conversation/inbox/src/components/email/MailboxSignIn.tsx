import { useState } from "preact/hooks";
import { api } from "../../api.ts";
import type { Address, Imap, SignIn, Ways } from "../../email-model.ts";
import { LABELS, leaveFor, originOf } from "../../email-sign-in.ts";
import { reasonOf } from "../../threads.ts";
import { Copied } from "./Copied.tsx";
import { Secret, Text } from "./MailboxForm.tsx";

interface Props {
  address: Address;
  ways: Ways;
}

/** Signing in to the mailbox at Google or Microsoft: the browser goes there, and comes back to this page. */
export function MailboxSignIn({ address, ways }: Props) {
  const [chosen, setChosen] = useState<SignIn["name"] | null>(null);
  const used = ways.sign_ins.find(({ is_used }) => is_used);
  const open = ways.sign_ins.find(({ name }) => name === chosen);
  return (
    <section class={`record ${used ? (ways.state?.sign_in_again ? "wrong" : "right") : ""}`} aria-label="Sign-in to the mailbox">
      <h3>Mailbox at Google or Microsoft</h3>
      {used ? <Used address={address} ways={ways} used={used} /> : <p class="quiet">Sign in there: no password is kept here.</p>}
      <div class="buttons">
        {ways.sign_ins.map(({ name }) => (
          <button
            key={name}
            type="button"
            class="button"
            aria-expanded={name === chosen}
            onClick={() => setChosen(name === chosen ? null : name)}
          >
            Sign in with {LABELS[name]}
          </button>
        ))}
      </div>
      {open && <SignInForm key={open.name} address={address} ways={ways} signIn={open} />}
    </section>
  );
}

function Used({ address, ways, used }: Props & { used: SignIn }) {
  const { imap, state } = ways;
  const { busy, failure, begin } = useBegin(address, used);
  const own = imap!.client_id === used.client_id ? {} : { client_id: imap!.client_id, tenant: used.tenant };
  return (
    <>
      <p>
        Signed in at {LABELS[used.name]} as <b class="shown">{imap!.signed_in_as}</b>.
      </p>
      {state?.sign_in_again && (
        <>
          <p class="failure">{state.error}</p>
          <div class="buttons">
            <button
              type="button"
              class="button primary"
              disabled={busy}
              onClick={() => void begin({ provider: used.name, user: imap!.user, account: imap!.signed_in_as, ...own })}
            >
              Sign in again
            </button>
          </div>
        </>
      )}
      <Failure words={failure} />
    </>
  );
}

function SignInForm({ address, ways, signIn }: Props & { signIn: SignIn }) {
  const before = signIn.is_used ? ways.imap : null;
  const [user, setUser] = useState(before?.user ?? address.address);
  const [account, setAccount] = useState(before && before.signed_in_as !== before.user ? before.signed_in_as : "");
  const [app, setApp] = useState<App>(appOf(signIn, before));
  const { busy, failure, begin } = useBegin(address, signIn);
  const go = (event: SubmitEvent) => {
    event.preventDefault();
    void begin({ provider: signIn.name, user, account, ...(app.client_id ? app : {}) });
  };
  const label = LABELS[signIn.name];
  const fields = <AppFields signIn={signIn} app={app} set={(part) => setApp({ ...app, ...part })} ways={ways} />;
  return (
    <form class="stack" aria-label={`Sign in with ${label}`} onSubmit={go}>
      <Text label="Mailbox" value={user} put={(text) => setUser(text.trim())} required />
      {signIn.name === "microsoft" && (
        <Text label="Who signs in, if the mailbox is shared with them" value={account} put={(text) => setAccount(text.trim())} />
      )}
      {signIn.client_id ? (
        <details open={app.client_id !== ""}>
          <summary>With an app of your own</summary>
          <div class="stack">{fields}</div>
        </details>
      ) : (
        fields
      )}
      <Failure words={failure} />
      <div class="buttons">
        <button class="button primary" disabled={busy}>
          Go to {label}
        </button>
      </div>
    </form>
  );
}

interface App {
  client_id: string;
  client_secret: string;
  tenant: string;
}

const appOf = (signIn: SignIn, before: Imap | null): App => ({
  client_id: before && before.client_id !== signIn.client_id ? before.client_id : "",
  client_secret: "",
  tenant: signIn.tenant || "common",
});

/** The app as which a provider knows us: whose it is, who signs in is told there. */
function AppFields({ signIn, app, set, ways }: { signIn: SignIn; app: App; set(part: Partial<App>): void; ways: Ways }) {
  const kept = signIn.is_used && ways.imap?.client_id === app.client_id && ways.secrets.includes("imap_client_secret");
  return (
    <>
      <p class="quiet">{WHERE[signIn.name]}</p>
      <dl>
        <dt>Redirect URI</dt>
        <dd>
          <Copied text={signIn.redirect_uri} />
        </dd>
      </dl>
      <Text
        label="Client id"
        value={app.client_id}
        put={(client_id) => set({ client_id: client_id.trim() })}
        required={signIn.client_id === ""}
      />
      <Secret label="Client secret" kept={kept} value={app.client_secret} put={(client_secret) => set({ client_secret })} />
      {signIn.name === "microsoft" && (
        <Text
          label="Directory (tenant) id of an app for one organisation; else common"
          value={app.tenant}
          put={(tenant) => set({ tenant: tenant.trim() })}
          required
        />
      )}
    </>
  );
}

const WHERE: Record<SignIn["name"], string> = {
  google:
    "In the Google Cloud console: enable the Gmail API, make an OAuth client of the kind Web application with this redirect URI, and allow the scope https://mail.google.com/.",
  microsoft:
    "In Microsoft Entra: register an app of the kind Web with this redirect URI, give it the delegated permissions IMAP.AccessAsUser.All and offline_access, and make a client secret.",
};

function Failure({ words }: { words: string }) {
  return (
    <p class="failure" role="alert">
      {words}
    </p>
  );
}

/** Nobody is sent away who would come back to where they are not signed in. */
function useBegin(address: Address, { name, redirect_uri }: SignIn) {
  const origin = originOf(redirect_uri);
  const isElsewhere = origin !== location.origin;
  const [failure, setFailure] = useState(
    isElsewhere
      ? `${LABELS[name]} leads back to ${origin} (ONETHREAD_PUBLIC_URL), and you are at ${location.origin}. Open the inbox there to sign in.`
      : "",
  );
  const [busy, setBusy] = useState(false);
  const begin = async (wanted: Parameters<typeof api.beginSignIn>[1]) => {
    if (busy) return;
    setBusy(true);
    setFailure("");
    try {
      leaveFor((await api.beginSignIn(address.id, wanted)).url, address.id);
    } catch (error) {
      setFailure(reasonOf(error));
      setBusy(false);
    }
  };
  return { busy: busy || isElsewhere, failure, begin };
}
