"use client";

/** The requests of signing in and out, which are no GraphQL: they set and end the session's cookie. */
import { API_ROOT, ApiError } from "../api.ts";
import { paths } from "../paths.ts";
import { toastFailed } from "../ui/toast.ts";

const BASE = process.env.NEXT_PUBLIC_BASE_PATH ?? "";

/** Sends a JSON body. Throws an ApiError with what the server says, or UNREACHABLE. */
export async function postAuth<Answer>(path: string, body: object): Promise<Answer> {
  let response: Response;
  let answer: unknown;
  try {
    response = await fetch(`${API_ROOT}/auth/${path}`, {
      method: "POST",
      headers: { "content-type": "application/json" },
      body: JSON.stringify(body),
    });
    answer = await response.json().catch(() => null);
  } catch {
    throw new ApiError("UNREACHABLE", "The server did not answer. Try again.");
  }
  if (!response.ok) {
    const [error] = (answer as { errors?: { message: string; extensions: { code: string } }[] } | null)?.errors ?? [];
    throw new ApiError(
      error?.extensions.code ?? "INTERNAL",
      error?.message ?? `The server answered ${response.status}.`,
    );
  }
  return answer as Answer;
}

/** Leaves this page for any address. Never resolves: until the browser is there, whatever waits for it is pending. */
export function leave(url: string): Promise<never> {
  location.assign(url);
  return new Promise(() => undefined);
}

/** Loads a page of ours anew: nothing that another person has seen stays in the browser's memory. */
export const leaveFor = (address: string): Promise<never> => leave(`${BASE}${address}`);

export async function signOut(): Promise<void> {
  try {
    await postAuth("sign-out", {});
    await leaveFor(paths.signIn());
  } catch (error) {
    if (!(error instanceof ApiError)) throw error;
    toastFailed(error.message, error.code);
  }
}
