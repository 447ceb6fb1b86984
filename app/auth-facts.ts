import { headers } from "next/headers";

/** How people sign in, as the server writes it into each request. */
export interface AuthFacts {
  /** AUTH=none. */
  isOff: boolean;
  /** The name of the identity provider; null: there is none. */
  provider: string | null;
  /** Characters that a password must have. */
  leastPassword: number;
}

export async function authFacts(): Promise<AuthFacts> {
  const header = (await headers()).get("x-isimud-auth");
  if (header === null) return { isOff: false, provider: null, leastPassword: 0 };
  const { auth, oidc, minPassword } = JSON.parse(header) as { auth: string; oidc: string | null; minPassword: number };
  return { isOff: auth === "none", provider: oidc, leastPassword: minPassword };
}
