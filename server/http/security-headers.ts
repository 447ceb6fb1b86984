/** Headers that restrict what a browser does with the answers of this service. */

const ALWAYS: Readonly<Record<string, string>> = {
  "x-content-type-options": "nosniff",
  "x-frame-options": "DENY",
  "referrer-policy": "same-origin",
  "cross-origin-opener-policy": "same-origin",
  "cross-origin-resource-policy": "same-origin",
  "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
};

/** Over TLS: a browser uses nothing else with this host for the next year. Other hosts of its domain are not ours. */
export const TLS_HEADER = ["strict-transport-security", "max-age=31536000"] as const;

/** For answers of the API: a browser may not run, load or frame anything from them. */
export const API_HEADERS: Readonly<Record<string, string>> = {
  ...ALWAYS,
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "cache-control": "no-store",
};

/**
 * For a page. Scripts run only with the nonce of this request, which Next reads from the policy header of the request.
 */
export function pageHeaders(
  nonce: string,
  options: { dev: boolean; explorer: boolean },
): Readonly<Record<string, string>> {
  // The explorer's editor creates style elements without a nonce. A browser ignores 'unsafe-inline' beside a nonce.
  const styles = options.explorer ? "'self' 'unsafe-inline'" : `'self' 'nonce-${nonce}'`;
  const policy = [
    "default-src 'self'",
    `script-src 'self' 'nonce-${nonce}' 'strict-dynamic'${options.dev ? " 'unsafe-eval'" : ""}`,
    `style-src ${options.dev ? "'self' 'unsafe-inline'" : styles}`,
    "style-src-attr 'unsafe-inline'",
    "img-src 'self' data: blob:",
    "font-src 'self' data:",
    "connect-src 'self'",
    "worker-src 'self' blob:",
    "object-src 'none'",
    "base-uri 'none'",
    "form-action 'self'",
    "frame-ancestors 'none'",
  ];
  return { ...ALWAYS, "content-security-policy": policy.join("; ") };
}
