/** What AUTH=accounts adds: sessions of people, and how they sign in. */
import { setTimeout as sleep } from "node:timers/promises";
import type pg from "pg";
import type { Config } from "../../config.ts";
import { DomainError } from "../../errors.ts";
import type { ControlDriver } from "../../storage/control-driver.ts";
import { withDeadline } from "../../storage/deadlines/deadline.ts";
import { openPrisma } from "../../storage/postgres/sql/prisma.ts";
import type { AccessChanges } from "../changes.ts";
import { type Auth, createAuth, isSecure, sessionCookie } from "./auth.ts";
import { discover } from "./identity-provider.ts";
import { Sessions } from "./sessions.ts";
import { createSignIn, type SignIn } from "./sign-in.ts";
import { createSignInLimits } from "./sign-in-limits.ts";

export interface Accounts {
  readonly config: Config;
  /** The time by which sessions and links end. */
  readonly now: () => Date;
  /** Null with AUTH=none. */
  readonly sessions: Sessions | null;
  readonly signIn: SignIn | null;
  close(): Promise<void>;
}

/** How long a sign-in waits for the identity provider, and how often one that was away is asked again. */
const PROVIDER_DEADLINE_MS = 8000;
const PROVIDER_RETRY_MS = 30_000;

interface Parts {
  config: Config;
  /** Those of the control database. The caller closes them. */
  connections: pg.Pool;
  schema: string;
  control: ControlDriver;
  changes: AccessChanges;
  clock: { offsetMs: number };
  warn: (message: string, error: unknown) => void;
}

/** For AUTH=accounts. Waits for nobody: an identity provider that is away is asked again and again. */
export function openAccounts(parts: Parts): Accounts {
  const { config, connections, control, changes, clock, warn } = parts;
  const now = () => new Date(Date.now() + clock.offsetMs);
  const cookie = sessionCookie(config);
  const prisma = openPrisma(connections, parts.schema);
  const sessions = new Sessions({ connections, changes, config, cookie, now, warn });
  const common = { prisma, control, config, cookie, warn };
  const plain = createAuth({ ...common, provider: null });
  const provider = config.OIDC_ISSUER === undefined ? null : new Provider(config, common);
  const signIn = createSignIn({
    control,
    sessions,
    limits: createSignInLimits({ connections }),
    basePath: config.BASE_PATH,
    now,
    auth: () => plain,
    provider,
    noCookie: `${cookie.name}=; Max-Age=0; Path=/; HttpOnly; SameSite=Lax${isSecure(config.PUBLIC_URL) ? "; Secure" : ""}`,
    warn,
  });
  return {
    config,
    now,
    sessions,
    signIn,
    async close() {
      provider?.close();
      sessions.close();
      await prisma.$disconnect();
    },
  };
}

/** The library with the identity provider, from when it has answered first. */
class Provider {
  readonly name: string;
  readonly #config: Config;
  readonly #common: Omit<Parameters<typeof createAuth>[0], "provider">;
  readonly #closed = new AbortController();
  #auth: Auth | null = null;
  #asking: Promise<Auth> | null = null;

  constructor(config: Config, common: Omit<Parameters<typeof createAuth>[0], "provider">) {
    this.name = config.OIDC_NAME;
    this.#config = config;
    this.#common = common;
    void this.#askUntilItAnswers();
  }

  /** IDENTITY_PROVIDER_UNAVAILABLE. */
  auth = async (): Promise<Auth> => {
    if (this.#auth !== null) return this.#auth;
    this.#asking ??= this.#ask().finally(() => {
      this.#asking = null;
    });
    return this.#asking;
  };

  /** IDENTITY_PROVIDER_UNAVAILABLE for work that takes too long. */
  within = <T>(work: Promise<T>): Promise<T> =>
    withDeadline(work, PROVIDER_DEADLINE_MS, () => {
      // The library may be waiting for ever for the document: the next sign-in begins anew.
      this.#auth = null;
      throw new DomainError("IDENTITY_PROVIDER_UNAVAILABLE", `${this.name} takes too long. Try again in a moment.`);
    });

  close(): void {
    this.#closed.abort();
  }

  async #ask(): Promise<Auth> {
    const provider = await discover(this.#config);
    this.#auth = createAuth({ ...this.#common, provider });
    return this.#auth;
  }

  async #askUntilItAnswers(): Promise<void> {
    for (let failures = 0; !this.#closed.signal.aborted; failures += 1) {
      try {
        await this.auth();
        return;
      } catch (error) {
        if (failures === 0) this.#common.warn("The identity provider of OIDC_ISSUER does not answer", error);
      }
      await sleep(PROVIDER_RETRY_MS, undefined, { signal: this.#closed.signal, ref: false }).catch(() => undefined);
    }
  }
}
