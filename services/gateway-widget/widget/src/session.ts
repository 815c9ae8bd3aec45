import type { SessionAnswer } from "@onethread/browser/protocol.ts";

export class IdentityRefused extends Error {}

interface SessionRequest {
  channel_id: string;
  session_token?: string;
  identity_token?: string;
}

/** Opens or continues a session. Throws `IdentityRefused` for a bad identity token, `Error` when there is no gateway. */
export async function openSession(origin: string, request: SessionRequest): Promise<SessionAnswer> {
  const response = await fetch(`${origin}/v1/session`, {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(request),
    credentials: "omit", // No cookie, ever.
  });
  if (response.status === 401) throw new IdentityRefused(await problemDetail(response));
  if (!response.ok) throw new Error(`The gateway answered ${response.status}.`);
  return (await response.json()) as SessionAnswer;
}

async function problemDetail(response: Response): Promise<string> {
  const problem = (await response.json().catch(() => ({}))) as { detail?: string; title?: string };
  return problem.detail ?? problem.title ?? "The site could not prove who you are.";
}
