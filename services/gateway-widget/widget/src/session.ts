import type { SessionAnswer } from "@onethread/browser/protocol.ts";

export class IdentityRefused extends Error {}

/** The channel was removed or switched off, or is not for this site. */
export class NotServed extends Error {}

interface SessionRequest {
  channel_id: string;
  session_token?: string;
  identity_token?: string;
}

/** Opens or continues a session. Throws `IdentityRefused`, `NotServed`, and `Error` when there is no gateway. */
export async function openSession(origin: string, request: SessionRequest): Promise<SessionAnswer> {
  const response = await fetch(`${origin}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
    credentials: "omit", // No cookie, ever.
  });
  if (response.status === 401) throw new IdentityRefused(await problemDetail(response));
  if (response.status === 403 || response.status === 404) throw new NotServed(await problemDetail(response));
  if (!response.ok) throw new Error(`The gateway answered ${response.status}.`);
  return (await response.json()) as SessionAnswer;
}

/** The session stands in a header: addresses are kept by browsers and written to logs. */
export async function fetchFile(origin: string, token: string, messageId: string, sha256: string): Promise<Blob> {
  const response = await fetch(`${origin}/v1/messages/${messageId}/attachments/${sha256}`, {
    headers: { authorization: `Bearer ${token}` },
    credentials: "omit",
  });
  if (!response.ok) throw new Error(await problemDetail(response));
  return response.blob();
}

async function problemDetail(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; title?: string };
  return problem.detail ?? problem.title ?? `The gateway answered ${response.status}.`;
}
