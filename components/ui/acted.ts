/** Seconds in which the server answers pages of this browser with nothing that it read before. */
const SECONDS = 5;

/**
 * After an action, what came of it must be seen: until then the server may answer with what another viewer asked for up
 * to a second ago.
 */
export function markActed(): void {
  const path = process.env.NEXT_PUBLIC_BASE_PATH || "/";
  // biome-ignore lint/suspicious/noDocumentCookie: not every browser has the other way
  document.cookie = `isimud-acted=1; Max-Age=${SECONDS}; Path=${path}; SameSite=Lax`;
}
