/**
 * The identity provider of OIDC_ISSUER: its discovery document, and who somebody is to it.
 *
 * Hazard: Better Auth reads the document without a deadline when it begins, and until it has it no other sign-in works.
 * So the document is read here first, and the library's instance for it is made only then, beside the one for
 * passwords. A provider that is away or silent harms only those who sign in with it.
 */
import type { GenericOAuthConfig } from "better-auth/plugins/generic-oauth";
import type { Config } from "../../config.ts";
import { DomainError } from "../../errors.ts";

/** Its name in the address of the callback, and in the table `accounts`. */
export const PROVIDER_ID = "oidc";
const ANSWER_MS = 5000;
const MAX_ANSWER_BYTES = 1_048_576;

export interface Discovery {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  userinfo_endpoint?: string;
  jwks_uri: string;
}

export type OidcSettings = Pick<
  Config,
  "OIDC_ISSUER" | "OIDC_CLIENT_ID" | "OIDC_CLIENT_SECRET" | "OIDC_NAME" | "OIDC_SCOPES" | "OIDC_TRUST_EMAIL"
>;

/** STORAGE_UNAVAILABLE is for storages; this is what a provider that is away gets. */
function providerAway(name: string, cause: unknown): DomainError {
  return new DomainError("IDENTITY_PROVIDER_UNAVAILABLE", `${name} does not answer. Try again in a moment.`, { cause });
}

function discoveryUrl({ OIDC_ISSUER: issuer = "" }: Pick<OidcSettings, "OIDC_ISSUER">): string {
  return `${issuer.replace(/\/$/, "")}/.well-known/openid-configuration`;
}

/** Reads the discovery document. IDENTITY_PROVIDER_UNAVAILABLE. */
export async function discover({ OIDC_ISSUER: issuer = "", OIDC_NAME: name }: OidcSettings): Promise<Discovery> {
  const base = issuer.replace(/\/$/, "");
  try {
    const found = (await readJson(discoveryUrl({ OIDC_ISSUER: issuer }))) as Partial<Discovery>;
    const { authorization_endpoint, token_endpoint, jwks_uri } = found;
    if (found.issuer?.replace(/\/$/, "") !== base) throw new Error(`It says that it is ${String(found.issuer)}.`);
    for (const url of [authorization_endpoint, token_endpoint, jwks_uri]) new URL(String(url));
    return found as Discovery;
  } catch (error) {
    throw providerAway(name, error);
  }
}

/** What the library needs to sign people in with this provider. */
export function providerConfig(settings: OidcSettings, found: Discovery, mayJoin: boolean): GenericOAuthConfig {
  return {
    providerId: PROVIDER_ID,
    discoveryUrl: discoveryUrl(settings),
    requireIdTokenVerification: true,
    clientId: settings.OIDC_CLIENT_ID ?? "",
    ...(settings.OIDC_CLIENT_SECRET === undefined ? {} : { clientSecret: settings.OIDC_CLIENT_SECRET }),
    scopes: settings.OIDC_SCOPES.split(/\s+/).filter((scope) => scope !== ""),
    pkce: true,
    disableSignUp: !mayJoin,
    async getUserInfo({ accessToken, idToken }) {
      // The library has verified the ID token. The rest of the claims may be in it or at the endpoint.
      const proven = idToken === undefined ? {} : payloadOf(idToken);
      const told = (await userInfo(found, accessToken)) as Record<string, unknown>;
      if (told.sub !== undefined && told.sub !== proven.sub) return null;
      const claims = { ...proven, ...told };
      return {
        ...claims,
        id: String(proven.sub),
        name: typeof claims.name === "string" ? claims.name : String(claims.preferred_username ?? claims.email ?? ""),
        email: typeof claims.email === "string" ? claims.email : undefined,
        emailVerified: settings.OIDC_TRUST_EMAIL === "on" || String(claims.email_verified) === "true",
      } as never;
    },
  };
}

function payloadOf(idToken: string): Record<string, unknown> {
  const [, payload = ""] = idToken.split(".");
  return JSON.parse(Buffer.from(payload, "base64url").toString()) as Record<string, unknown>;
}

async function userInfo({ userinfo_endpoint: url }: Discovery, accessToken: string | undefined): Promise<unknown> {
  if (url === undefined || accessToken === undefined) return {};
  return readJson(url, { authorization: `Bearer ${accessToken}` });
}

async function readJson(url: string, headers: Record<string, string> = {}): Promise<unknown> {
  const response = await fetch(url, {
    headers: { accept: "application/json", ...headers },
    redirect: "error",
    signal: AbortSignal.timeout(ANSWER_MS),
  });
  if (!response.ok) throw new Error(`It answered with status ${response.status}.`);
  let text = "";
  const decoder = new TextDecoder();
  for await (const part of response.body ?? []) {
    text += decoder.decode(part, { stream: true });
    if (text.length > MAX_ANSWER_BYTES) throw new Error("Its answer is too large.");
  }
  return JSON.parse(text);
}
