/** Requests to Better Auth, and what its answers mean. */
import { DomainError } from "../../errors.ts";
import { ADDRESS_HEADER, type Auth, type Refusal } from "./auth.ts";

/** From where somebody signs in. */
export interface From {
  /** The origin by which the browser knows this service. */
  origin: string;
  /** The client's IP address. */
  address: string;
  userAgent: string | undefined;
  cookie: string | undefined;
  requestId: string;
}

export interface Answer {
  status: number;
  /** Where a redirect leads. */
  location: string | null;
  /** What the browser must set: values of Set-Cookie. */
  cookies: string[];
  body: Readonly<Record<string, unknown>>;
}

/** `path`: below /api/auth. With a body it is a POST. */
export async function ask(
  auth: Auth,
  at: { basePath: string; from: From },
  path: string,
  body?: Readonly<Record<string, unknown>>,
): Promise<Answer> {
  const { basePath, from } = at;
  const headers = new Headers({ origin: from.origin, host: new URL(from.origin).host, [ADDRESS_HEADER]: from.address });
  if (from.cookie !== undefined) headers.set("cookie", from.cookie);
  if (from.userAgent !== undefined) headers.set("user-agent", from.userAgent);
  if (body !== undefined) headers.set("content-type", "application/json");
  const request = new Request(`${from.origin}${basePath}/api/auth${path}`, {
    method: body === undefined ? "GET" : "POST",
    headers,
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  });
  const response = await auth.handle(request, { requestId: from.requestId, address: from.address });
  const text = await response.text();
  const answer = {
    status: response.status,
    location: response.headers.get("location"),
    cookies: response.headers.getSetCookie(),
    body: parsed(text),
  };
  if (answer.status >= 500) {
    throw new DomainError("STORAGE_UNAVAILABLE", "Nobody can sign in now: the database does not answer. Try again.");
  }
  return answer;
}

function parsed(text: string): Record<string, unknown> {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null ? (value as Record<string, unknown>) : {};
  } catch {
    return {};
  }
}

/** Why a sign-in at the identity provider failed, for the page that tells it. */
export type ProviderFailure = Refusal | "unknownPerson" | "cancelled" | "provider";

const FAILURES: Readonly<Record<string, ProviderFailure>> = {
  noGrants: "noGrants",
  disabled: "disabled",
  emailNotVerified: "emailNotVerified",
  lastAdmin: "lastAdmin",
  // A known address that nobody vouches for.
  account_not_linked: "emailNotVerified",
  signup_disabled: "unknownPerson",
  access_denied: "cancelled",
};

/** Of the address to which the library sends the browser. Null: the sign-in succeeded. */
export function failureIn(location: string, origin: string): ProviderFailure | null {
  const code = new URL(location, origin).searchParams.get("error");
  return code === null ? null : (FAILURES[code] ?? "provider");
}
