import { headers } from "next/headers";

/** How people sign in, as the server writes it into each request. */
export interface AuthFacts {
  /** The name of the identity provider; null: there is none. */
  provider: string | null;
  /** Characters that a password must have. */
  leastPassword: number;
}

export async function authFacts(): Promise<AuthFacts> {
  const header = (await headers()).get("x-isimud-auth");
  if (header === null) return { provider: null, leastPassword: 0 };
  const { oidc, minPassword } = JSON.parse(header) as { oidc: string | null; minPassword: number };
  return { provider: oidc, leastPassword: minPassword };
}
