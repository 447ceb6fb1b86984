/** Better Auth, as it is used here: it checks passwords, signs people in at the identity provider and makes sessions. */
import { AsyncLocalStorage } from "node:async_hooks";
import { createHmac, randomUUID } from "node:crypto";
import { isDeepStrictEqual } from "node:util";
import { prismaAdapter } from "@better-auth/prisma-adapter";
import { APIError } from "better-auth/api";
import { betterAuth } from "better-auth/minimal";
import { genericOAuth } from "better-auth/plugins/generic-oauth";
import type { PrismaClient } from "../../../prisma/generated/client.ts";
import type { Config } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { ControlDriver } from "../../storage/control-driver.ts";
import type { Person } from "../../storage/people.ts";
import type { Grant } from "../access.ts";
import { grantsOfClaims } from "./claimed-grants.ts";
import { type Discovery, providerConfig } from "./identity-provider.ts";
import { isAdminOfAll, isLastAdmin } from "./last-admin.ts";
import { hashPassword, MAX_PASSWORD_LENGTH, verifyPassword } from "./passwords.ts";

/** Carries the client's address to the library. Set here, whatever the client sends. */
export const ADDRESS_HEADER = "x-isimud-address";

/** The actor of what the identity provider changes, in the audit log. */
const IDENTITY_PROVIDER = "isimud:identity-provider";

/** The request of ours that a request to the library belongs to, for the audit log. */
interface Origin {
  requestId: string;
  address: string;
}

/** What a request to the library is about, beside what it says. */
interface SignIn {
  origin: Origin;
  /** What the identity provider's claims mean here; undefined when they mean nothing. */
  claimed?: readonly Grant[];
  /** Why passwords cannot be checked now: what the caller is told instead of the library's answer. */
  failure?: DomainError;
}

export interface Auth {
  /** Answers one of the library's own requests. DEADLINE_EXCEEDED. */
  handle(request: Request, origin: Origin): Promise<Response>;
}

export interface Cookie {
  name: string;
  /** Signs it, and encrypts what the library keeps between two requests. */
  secret: string;
}

/** Another SECRET_KEY ends all sessions. */
export function sessionCookie({
  PUBLIC_URL,
  PORT,
  SECRET_KEY = "",
}: Pick<Config, "PUBLIC_URL" | "PORT" | "SECRET_KEY">): Cookie {
  return {
    // Ports of one host share their cookies.
    name: isSecure(PUBLIC_URL) ? "__Host-isimud" : `isimud-${PORT}`,
    secret: createHmac("sha256", SECRET_KEY).update("isimud sessions").digest("base64url"),
  };
}

export const isSecure = (publicUrl: string | undefined) => publicUrl?.startsWith("https:") === true;

const REFUSED = {
  noGrants: "Your account at the identity provider gives you no rights here. Ask an admin.",
  disabled: "This account is disabled. Ask an admin.",
  emailNotVerified: "The identity provider has not verified your e-mail address.",
  lastAdmin: "This would take the rights of the last admin.",
} as const;
/** Why somebody whom the identity provider knows may not sign in. */
export type Refusal = keyof typeof REFUSED;

const refusal = (code: Refusal) => new APIError("FORBIDDEN", { code, message: REFUSED[code] });

export function createAuth(parts: {
  prisma: PrismaClient;
  control: ControlDriver;
  config: Config;
  cookie: Cookie;
  /** Null: nobody signs in with the identity provider, for now. */
  provider: Discovery | null;
  warn: (message: string, error: unknown) => void;
}): Auth {
  const { prisma, control, config, cookie, provider, warn } = parts;
  const { people } = control;
  const signIns = new AsyncLocalStorage<SignIn>();
  const give = (id: string, grants: readonly Grant[]) =>
    giveClaimed(control, { id, grants, origin: (signIns.getStore() as SignIn).origin });
  const { OIDC_GRANTS_CLAIM: claim, OIDC_GRANTS: map } = config;
  const isMapped = claim !== undefined && map !== undefined;
  const secure = isSecure(config.PUBLIC_URL);
  const told = <T>(work: Promise<T>): Promise<T> =>
    work.catch((error: unknown) => {
      if (!(error instanceof DomainError)) throw error;
      Object.assign(signIns.getStore() ?? {}, { failure: error } satisfies Partial<SignIn>);
      throw new APIError("SERVICE_UNAVAILABLE", { message: error.message });
    });

  const auth = betterAuth({
    appName: "Isimud",
    database: prismaAdapter(prisma, { provider: "postgresql", transaction: true }),
    secret: cookie.secret,
    basePath: `${config.BASE_PATH}/api/auth`,
    // The shell has checked the name by which it is called.
    baseURL:
      config.PUBLIC_URL === undefined ? { allowedHosts: ["*"], protocol: "http" } : new URL(config.PUBLIC_URL).origin,
    telemetry: { enabled: false },
    logger: {
      level: "error",
      log: (_level, message, ...details) => {
        const error = details.find((one) => one instanceof Error);
        // Without an error it is a refusal, which its request tells.
        if (error !== undefined) warn(`A sign-in failed: ${message}`, error);
      },
    },
    rateLimit: { enabled: false },
    emailAndPassword: {
      enabled: true,
      disableSignUp: true,
      minPasswordLength: 1,
      maxPasswordLength: MAX_PASSWORD_LENGTH,
      password: {
        hash: (password) => told(hashPassword(password)),
        verify: ({ hash, password }) => told(verifyPassword(hash, password)),
      },
    },
    user: {
      modelName: "person",
      async validateUserInfo({ user, source }) {
        if (source.method !== "oauth") return;
        if (user.emailVerified !== true) return rejected("emailNotVerified");
        const known = typeof user.id === "string" ? (await people.getMany([user.id]))[0] : undefined;
        if (known !== undefined && known.disabledAt !== null) return rejected("disabled");
        if (!isMapped) return;
        const claimed = grantsOfClaims(map, claim, source.oauth?.profile ?? {});
        if (claimed.length === 0) {
          const outcome = known === undefined ? null : await give(known.id, claimed);
          return rejected(outcome ?? "noGrants");
        }
        Object.assign(signIns.getStore() ?? {}, { claimed } satisfies Partial<SignIn>);
      },
    },
    session: {
      modelName: "session",
      expiresIn: config.SESSION_SECONDS,
      disableSessionRefresh: true,
      cookieCache: { enabled: false },
      freshAge: 0,
    },
    account: {
      modelName: "account",
      updateAccountOnSignIn: false,
      accountLinking: { enabled: true, trustedProviders: [] },
    },
    verification: { modelName: "verification" },
    databaseHooks: {
      account: { create: { before: async (account) => ({ data: { ...account, ...NO_TOKENS } }) } },
      session: {
        create: {
          async before(session) {
            const claimed = signIns.getStore()?.claimed;
            const outcome = claimed === undefined ? null : await give(session.userId, claimed);
            if (outcome !== null) throw refusal(outcome);
            const [person] = await people.getMany([session.userId]);
            if (person === undefined || person.disabledAt !== null) throw refusal("disabled");
            await prisma.person.updateMany({ where: { id: person.id }, data: { lastSeenAt: new Date() } });
          },
        },
      },
    },
    advanced: {
      database: { generateId: () => randomUUID() },
      cookiePrefix: cookie.name,
      useSecureCookies: false,
      defaultCookieAttributes: { secure, sameSite: "lax", httpOnly: true, path: "/" },
      cookies: { session_token: { name: cookie.name, attributes: { secure } } },
      ipAddress: { ipAddressHeaders: [ADDRESS_HEADER], ipv6Subnet: 128 },
    },
    plugins: provider === null ? [] : [genericOAuth({ config: [providerConfig(config, provider, isMapped)] })],
  });
  return {
    async handle(request, origin) {
      const signIn: SignIn = { origin };
      const response = await signIns.run(signIn, () => auth.handler(request));
      if (signIn.failure !== undefined) throw signIn.failure;
      return response;
    },
  };
}

const rejected = (code: Refusal) => ({ error: code, errorDescription: REFUSED[code] });

/** The identity provider's tokens are of no use here, and must not lie around. */
const NO_TOKENS = { accessToken: null, refreshToken: null, idToken: null };

/**
 * The person has the rights that the identity provider claims, and no others; a change is audited. Who has none left
 * loses the sessions too. The last admin stays admin, loses the sessions, and signs in with a password to make another
 * one.
 */
function giveClaimed(
  control: ControlDriver,
  { id, grants, origin }: { id: string; grants: readonly Grant[]; origin: Origin },
): Promise<Refusal | null> {
  return control.transaction(async ({ people, audit }) => {
    const isLast = !isAdminOfAll(grants) && (await isLastAdmin(people, id));
    if (isLast || grants.length === 0) await people.endSessions({ personId: id });
    if (isLast) return "lastAdmin";
    const [before] = await people.getMany([id]);
    if (before?.claimed && isDeepStrictEqual(before.grants, grants)) return null;
    const after = await people.update(id, { grants, claimed: true });
    // The library has made the person a moment ago: nobody else makes one without grants.
    const isNew = before?.claimed === false && before.grants.length === 0;
    const details = isNew ? { name: after.name, grants } : { before: shown(before), after: shown(after) };
    await audit.append({
      ...origin,
      ...{ actor: IDENTITY_PROVIDER, action: isNew ? "createPerson" : "updatePerson", project: null },
      ...{ target: after.email, outcome: "done", reason: null, detailsText: JSON.stringify(details) },
    });
    return null;
  });
}

const shown = (person: Person | undefined) => ({ grants: person?.grants, claimed: person?.claimed });
