/** A real OpenID Connect provider, which believes whatever name and password somebody types. */
import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import Provider from "oidc-provider";

export interface IdentityProvider {
  /** For OIDC_ISSUER. */
  issuer: string;
  clientId: string;
  clientSecret: string;
  stop(): Promise<void>;
}

/**
 * Somebody who types `eva` there has the address eva@example.org, which it has verified, and is in `groups`. The claims
 * are in the ID token.
 */
export async function startIdentityProvider(options: {
  redirectUri: string;
  groups: readonly string[];
}): Promise<IdentityProvider> {
  const server = createServer().listen(0, "127.0.0.1");
  await once(server, "listening");
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const client = { client_id: "isimud", client_secret: "a secret for tests only" };
  const provider = new Provider(issuer, {
    clients: [{ ...client, redirect_uris: [options.redirectUri] }],
    claims: { email: ["email", "email_verified"], groups: ["groups"], profile: ["name"] },
    conformIdTokenClaims: false,
    cookies: { keys: ["a key for tests only"] },
    findAccount: (_context: unknown, id: string) => ({
      accountId: id,
      claims: () => ({
        sub: id,
        name: id,
        email: `${id}@example.org`,
        email_verified: true,
        groups: options.groups,
      }),
    }),
  });
  server.on("request", provider.callback());
  return {
    issuer,
    clientId: client.client_id,
    clientSecret: client.client_secret,
    async stop() {
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
