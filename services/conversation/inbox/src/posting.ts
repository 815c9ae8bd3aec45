import { newId } from "@onethread/browser/outbox.ts";
import { Problem, problemOf } from "./api.ts";

/** Posts what is large, and tells how far it is (0 to 1). `fetch` does not tell that. */
export function post<Answer>(
  path: string,
  body: XMLHttpRequestBodyInit,
  onProgress: (share: number) => void,
  stop?: AbortSignal,
): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const sending = new XMLHttpRequest();
    sending.open("POST", `/api/v1/${path}`);
    sending.setRequestHeader("idempotency-key", newId()); // The browser itself sends again where a kept connection broke.
    sending.upload.onprogress = ({ loaded, total }) => onProgress(total ? loaded / total : 0);
    sending.onerror = () => reject(new Problem(0, "The server cannot be reached."));
    sending.onabort = () => reject(new Problem(0, "It was stopped."));
    sending.onload = () => {
      const response = new Response(sending.response as Blob, { status: sending.status });
      if (response.ok) response.json().then(resolve, reject);
      else void problemOf(response).then(reject);
    };
    stop?.addEventListener("abort", () => sending.abort());
    sending.responseType = "blob";
    sending.send(body);
  });
}
