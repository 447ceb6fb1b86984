import { markActed } from "./ui/acted.ts";

interface Answer<Data> {
  data?: Data;
  errors?: { message: string; extensions?: { code?: string } }[];
}

/** Sends a document by its id, or by its text where the server or the browser cannot do that. Rejects without an answer. */
export async function send<Data>(path: string, text: string, variables: object): Promise<Answer<Data>> {
  const post = (body: object) =>
    fetch(path, {
      method: "POST",
      headers: { "content-type": "application/json", accept: "application/graphql-response+json, application/json" },
      body: JSON.stringify({ ...body, variables }),
    });
  try {
    const documentId = await idOf(text);
    const response = documentId === undefined ? null : await post({ documentId });
    // The server may be of another build.
    const answered = response === null || response.status === 404 ? await post({ query: text }) : response;
    return (await answered.json()) as Answer<Data>;
  } finally {
    if (/^\s*mutation\b/.test(text)) markActed();
  }
}

/** By which the server knows a document of its build. Undefined where the browser has no digests: without TLS. */
async function idOf(text: string): Promise<string | undefined> {
  const digest = await globalThis.crypto.subtle?.digest("SHA-256", new TextEncoder().encode(text));
  return (
    digest && `sha256:${Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, "0")).join("")}`
  );
}
