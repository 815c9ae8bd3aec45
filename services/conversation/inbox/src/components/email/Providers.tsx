import { useState } from "preact/hooks";
import { PROVIDERS, type Provider, type Ways } from "../../email-model.ts";
import { reasonOf } from "../../threads.ts";
import { Copied } from "./Copied.tsx";
import { Secret } from "./MailboxForm.tsx";
import type { Change } from "./WaysIn.tsx";

/** Providers that post mail to us: the URL to give them, and the key that proves what they post. */
export function Providers({ ways, change }: { ways: Ways; change: Change }) {
  return (
    <>
      {ways.providers.map((one) => (
        <ProviderView key={`${one.name} ${one.is_set}`} provider={one} change={change} />
      ))}
    </>
  );
}

function ProviderView({ provider, change }: { provider: Provider; change: Change }) {
  const { label, there, key } = PROVIDERS[provider.name];
  const [value, setValue] = useState("");
  const [failure, setFailure] = useState("");
  const keep = async (secret: string | null, said: string) => {
    setFailure("");
    try {
      await change({ secrets: { [`inbound_${provider.name}`]: secret } }, said);
    } catch (error) {
      setFailure(`Not saved. ${reasonOf(error)}`);
    }
  };
  const save = (event: SubmitEvent) => {
    event.preventDefault();
    void keep(value, `Saved. Mail that ${label} brings is taken within a few seconds.`);
  };
  return (
    <details class={`record ${provider.is_set || provider.by_operator ? "right" : ""}`}>
      <summary>
        <h3>
          {label} <span class="tag">{standing(provider)}</span>
        </h3>
      </summary>
      <form class="stack" aria-label={label} onSubmit={save}>
        <p>{there}</p>
        {provider.url ? (
          <dl>
            <dt>URL</dt>
            <dd>
              <Copied text={provider.url} />
            </dd>
          </dl>
        ) : (
          <p class="quiet">The mail gateway does not answer, so the URL to give to {label} is not known now.</p>
        )}
        <Secret label={key} kept={provider.is_set} value={value} put={setValue} required />
        <p class="failure" role="alert">
          {failure}
        </p>
        <div class="buttons">
          <button class="button primary">Save key</button>
          {provider.is_set && (
            <button type="button" class="button" onClick={() => void keep(null, `${label} is heard no more.`)}>
              Hear it no more
            </button>
          )}
        </div>
      </form>
    </details>
  );
}

function standing({ is_set, by_operator }: Provider): string {
  if (is_set) return "Heard";
  return by_operator ? "Heard, by the installation's settings" : "Not set up";
}
