/** Every setting and limit, read from the environment once and checked. Nothing else reads process.env. */
import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { z } from "zod";
import { parseGrantMap } from "./access/accounts/claimed-grants.ts";
import { checkAddresses, entries, isNumberOfProxies, uri, whole } from "./setting-forms.ts";
import { MAX_CARRIED_BYTES } from "./storage/data-driver.ts";
import { parsePostgresUri } from "./storage/postgres/sql/address.ts";
import { parseRedisUri } from "./storage/redis/server/address.ts";

/**
 * Limits on requests, with Zaqar's names and defaults. All bounds are inclusive; times are whole seconds, sizes bytes.
 */
const limitSettings = {
  MIN_MESSAGE_TTL: whole(60, 1),
  MAX_MESSAGE_TTL: whole(1_209_600, 1),
  DEFAULT_MESSAGE_TTL: whole(3600, 1),
  MAX_MESSAGE_DELAY: whole(900),
  DEFAULT_MESSAGE_DELAY: whole(0),
  MIN_CLAIM_TTL: whole(60, 1),
  MAX_CLAIM_TTL: whole(43_200, 1),
  DEFAULT_CLAIM_TTL: whole(300, 1),
  MIN_CLAIM_GRACE: whole(60),
  MAX_CLAIM_GRACE: whole(43_200),
  DEFAULT_CLAIM_GRACE: whole(60),
  MIN_SUBSCRIPTION_TTL: whole(60, 1),
  DEFAULT_SUBSCRIPTION_TTL: whole(3600, 1),
  /** Size of a queue's metadata. */
  MAX_QUEUE_METADATA: whole(65_536, 2),
  /** Size of the bodies of one post over GraphQL. A queue's _max_messages_post_size lowers it. */
  MAX_MESSAGES_POST_SIZE: whole(1_048_576, 1),
  MAX_MESSAGES_PER_POST: whole(1000, 1),
  /** Posts of one postToQueues, and the messages and size of the bodies of all of them together. */
  MAX_POSTS: whole(100, 1, 1000),
  MAX_POSTS_MESSAGES: whole(10_000, 1),
  MAX_POSTS_SIZE: whole(4 * 1_048_576, 1),
  /** Rows of a page, and messages of one claim, pop or call by ids, over GraphQL. */
  MAX_PAGE_SIZE: whole(100, 1, 1000),
  DEFAULT_PAGE_SIZE: whole(10, 1, 1000),
  /**
   * Size of the bodies of one page, claim, pop or get by ids, which ends early at this size. It has at least one
   * message, whatever the size of that one.
   */
  MAX_PAGE_BYTES: whole(4 * 1_048_576, 1, MAX_CARRIED_BYTES),
  /** Size of the bodies and other large values of one answer over GraphQL, each counted as often as it is written. */
  MAX_ANSWER_BYTES: whole(16 * 1_048_576, 1),
  MAX_QUEUE_NAME_LENGTH: whole(64, 1, 255),
  MAX_PROJECT_LENGTH: whole(256, 1),
  MAX_JSON_DEPTH: whole(64, 1),
  /** Size of the body of an HTTP request. */
  MAX_REQUEST_SIZE: whole(4 * 1_048_576, 1024),
  /**
   * How long a GraphQL operation may take. The longest wait for messages that one of its fields asks for is added once.
   */
  OPERATION_DEADLINE_SECONDS: whole(10, 1, 300),
  /** Streams of server-sent events that may be open at the same time in this process. */
  MAX_LIVE_STREAMS: whole(1000, 1),
} as const;

/** Bounds of the settings about problems, and of the attributes of queues that replace them. */
export const MAX_STUCK_SECONDS = 604_800;
export const MAX_GROWING_PERCENT = 100_000;
export const MIN_GONE_SECONDS = 30;
export const MAX_GONE_SECONDS = 86_400;
export const MAX_DEAD_LETTERS = 1_000_000;

/** Characters. */
const MAX_BASE_PATH = 200;

/** From when on something is a problem. 0: never. A queue may have its own of those that are about queues. */
const problemSettings = {
  /** Seconds that the oldest ready message waits while nothing is given out. */
  STUCK_SECONDS: whole(300, 0, MAX_STUCK_SECONDS),
  /** By how much a queue's depth grew, in percent, while it grew in each of six minutes. */
  GROWING_PERCENT: whole(10, 0, MAX_GROWING_PERCENT),
  /** How many of the messages that claims were given in ten minutes came back because their claim expired. */
  LAPSING_PERCENT: whole(5, 0, 100),
  /** Seconds of silence after which a consumer that called every few seconds is gone. */
  CONSUMER_GONE_SECONDS: whole(120, 0, MAX_GONE_SECONDS).refine(
    (seconds) => seconds === 0 || seconds >= MIN_GONE_SECONDS,
    `must be 0 or at least ${MIN_GONE_SECONDS}: consumers are recorded every 10 s`,
  ),
  /** Dead letters of ten minutes, if they are also three times as many as usual. */
  DEAD_LETTERS_ARRIVING: whole(5, 0, MAX_DEAD_LETTERS),
  /** A pool's storage is almost full below both: a share of it, and so many GiB (2^30 bytes). */
  DISK_FREE_PERCENT: whole(10, 0, 100),
  DISK_FREE_GIB: whole(5, 0, 1_000_000),
  /** By how many seconds a pool's clock differs from the control database's. */
  CLOCK_SKEW_SECONDS: whole(2, 0, 86_400),
  /** Seconds without a garbage collection that ended, if they are also three times GC_INTERVAL. */
  GC_LATE_SECONDS: whole(600, 0, 604_800),
} as const;

/** How many requests are answered. Each second a process tells the others what it counted. 0: no limit. */
const rateSettings = {
  /** Of each token, unless it has its own limit. */
  TOKEN_REQUESTS_PER_SECOND: whole(0, 0, 1_000_000),
  /** Of each person, in all sessions together. */
  ACCOUNT_REQUESTS_PER_SECOND: whole(100, 0, 1_000_000),
  /** Of each IPv4 address, and of each IPv6 network of 64 bits. */
  ADDRESS_REQUESTS_PER_SECOND: whole(0, 0, 1_000_000),
  /** Tokens from one address that turn out to be wrong. Each is looked up in the database. */
  ADDRESS_FAILURES_PER_MINUTE: whole(300, 0, 1_000_000),
} as const;

/** For how many days gc keeps records. */
const retentionSettings = {
  AUDIT_DAYS: whole(365, 1, 36_500),
  /** For jobs that have ended. */
  JOB_DAYS: whole(30, 1, 36_500),
} as const;

const collector = z
  .url({ protocol: /^https?$/, error: "must be an http or https URL such as http://localhost:4318" })
  .optional();

const SHARE = { error: "must be a share from 0 to 1, such as 0.01" };

/** Traces. OpenTelemetry's libraries read its other variables themselves, such as OTEL_SERVICE_NAME. */
const traceSettings = {
  /** Spans go to /v1/traces below it. Left out: there are none, and the libraries are not loaded. */
  OTEL_EXPORTER_OTLP_ENDPOINT: collector,
  /** The whole URL for spans. It wins. */
  OTEL_EXPORTER_OTLP_TRACES_ENDPOINT: collector,
  OTEL_TRACES_SAMPLER: z
    .enum([
      "always_on",
      "always_off",
      "traceidratio",
      "parentbased_always_on",
      "parentbased_always_off",
      "parentbased_traceidratio",
    ])
    .default("parentbased_always_on"),
  /** Milliseconds for which spans are gathered before they are sent, and how many wait at most in each process. */
  OTEL_BSP_SCHEDULE_DELAY: whole(5000, 1),
  OTEL_BSP_MAX_QUEUE_SIZE: whole(8192, 1),
  /** The share of traces that the two ratios take. */
  OTEL_TRACES_SAMPLER_ARG: z.coerce.number(SHARE).min(0, SHARE).max(1, SHARE).default(1),
} as const;

/** Only with AUTH=accounts: how people sign in. */
const accountSettings = {
  /** Seconds after which an idle session ends, and after which any session does. */
  SESSION_IDLE_SECONDS: whole(86_400, 60, 31_536_000),
  SESSION_SECONDS: whole(604_800, 60, 31_536_000),
  /** The first admin, for installations where nobody reads what the start prints. */
  ADMIN_EMAIL: z.email({ error: "must be an e-mail address" }).toLowerCase().optional(),
  ADMIN_PASSWORD_FILE: z.string().min(1).optional(),
  /** An OpenID Connect provider. Its discovery document is below it. */
  OIDC_ISSUER: z.url({ protocol: /^https?$/, error: "must be an https URL" }).optional(),
  OIDC_CLIENT_ID: z.string().min(1).optional(),
  OIDC_CLIENT_SECRET: z.string().min(1).optional(),
  /** What the button says: "Sign in with NAME". */
  OIDC_NAME: z.string().max(40, "must have at most 40 characters").default("single sign-on"),
  OIDC_SCOPES: z.string().default("openid email profile"),
  /** The claim that has somebody's groups, and what they mean here. Left out: only people who are known here sign in. */
  OIDC_GRANTS_CLAIM: z.string().min(1).optional(),
  OIDC_GRANTS: z
    .string()
    .transform((text, issues) => {
      try {
        return parseGrantMap(text);
      } catch (error) {
        issues.addIssue({ code: "custom", message: (error as Error).message });
        return z.NEVER;
      }
    })
    .optional(),
  /** `on`: the provider vouches for e-mail addresses although it has no claim email_verified. */
  OIDC_TRUST_EMAIL: z.enum(["on", "off"]).default("off"),
} as const;

const settings = {
  HOST: z.string().min(1).default("127.0.0.1"),
  PORT: whole(3000, 0, 65_535),
  DATA_DIR: z
    .string()
    .min(1)
    .default("./data")
    .transform((path) => resolve(path)),
  DATABASE_URL: uri(/^postgres(ql)?:\/\//, "must begin with postgres:// or postgresql://", parsePostgresUri),
  /**
   * A Redis for key-value stores that are configured to use it. Pools on Redis are registered through the API instead.
   */
  REDIS_URL: uri(
    /^(redis|valkey)s?:\/\//,
    "must begin with redis://, rediss://, valkey:// or valkeys://",
    parseRedisUri,
  ),
  /** Encrypts the URIs of pools. Required with DATABASE_URL; otherwise created once in DATA_DIR/secret-key. */
  SECRET_KEY: z.string().min(16, "must have at least 16 characters").optional(),
  /** The key before SECRET_KEY, for `npm run rotate-key`. */
  OLD_SECRET_KEY: z.string().min(16, "must have at least 16 characters").optional(),
  /** Where browsers see this service, when it is not http://HOST:PORT. With BASE_PATH, which may be left out. */
  PUBLIC_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(),
  /** How many proxies a request comes through, or the addresses of those whose X-Forwarded headers count. */
  TRUST_PROXY: entries
    .superRefine((proxies, issues) => {
      if (!isNumberOfProxies(proxies)) checkAddresses(proxies, issues);
    })
    .transform((proxies) => (isNumberOfProxies(proxies) ? Number(proxies[0]) : proxies))
    .optional(),
  /** Origins of other sites whose pages may use the API with tokens, such as https://shop.example.org. */
  CORS_ORIGINS: entries
    .superRefine((origins, issues) => {
      for (const origin of origins) {
        const isOrigin = /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
        const message = `${JSON.stringify(origin)} is no origin such as https://shop.example.org`;
        if (!isOrigin) issues.addIssue({ code: "custom", message });
      }
    })
    .optional(),
  /** Names without a port by which programs reach this service, beside the one of PUBLIC_URL. No page acts from them. */
  ALLOWED_HOSTS: entries
    .superRefine((names, issues) => {
      for (const name of names) {
        const message = `${JSON.stringify(name)} is no name such as isimud.queues.svc, without a port`;
        if (!/^[a-z0-9]([a-z0-9.-]*[a-z0-9])?$/i.test(name)) issues.addIssue({ code: "custom", message });
      }
    })
    .transform((names) => names.map((name) => name.toLowerCase()))
    .optional(),
  /** Addresses that may read the health and the metrics of everything without a token. */
  MONITOR_ADDRESSES: entries.superRefine(checkAddresses).optional(),
  /** The path of this service below its host, as a proxy passes it on. The build inlines it into the pages. */
  BASE_PATH: z
    .string()
    .regex(
      /^(\/(?!\.\.?(\/|$))[A-Za-z0-9._~-]+)*$/,
      "must be empty, or begin with / and not end with it, such as /queues",
    )
    .max(MAX_BASE_PATH, `must have at most ${MAX_BASE_PATH} characters`)
    .default(""),
  /** The name of this installation, such as PRODUCTION, which every page shows, and the color of that name. */
  ENVIRONMENT_NAME: z.string().max(40, "must have at most 40 characters").optional(),
  ENVIRONMENT_COLOR: z.enum(["red", "amber", "green", "blue", "violet", "gray"]).default("gray"),
  /** `none`: whoever reaches loopback may do everything. `accounts`: people sign in, programs have tokens. */
  AUTH: z.enum(["none", "accounts"], { error: "must be none or accounts" }).default("none"),
  ...accountSettings,
  /** On: only documents of GraphQL run that the pages send, or that `npm run documents` registered. */
  TRUSTED_DOCUMENTS: z.enum(["on", "off"]).default("off"),
  /** Where the commands find the service. Left out, it follows from the settings about where this one listens. */
  ISIMUD_URL: z.url({ protocol: /^https?$/, error: "must be an http or https URL" }).optional(),
  /** What commands, such as `isimud export`, and `npm run demo` and `bench -- --url` send to a service with accounts. */
  TOKEN: z
    .string()
    .regex(/^[!-~]+$/, "must have no spaces: copy the token whole")
    .optional(),
  LOG_LEVEL: z.enum(["trace", "debug", "info", "warn", "error", "fatal", "silent"]).default("info"),
  /** Seconds after SIGTERM in which readiness says 503 but requests are still served, so that load balancers notice. */
  DRAIN_SECONDS: whole(1, 0, 8),
  /** Seconds between two runs of garbage collection. */
  GC_INTERVAL: whole(10, 1),
  /** Seconds between two samples of every pool's health; 0 takes none. */
  HEALTH_INTERVAL: whole(30, 0, 300).refine(
    (seconds) => seconds === 0 || seconds >= 10,
    "must be 0 or at least 10: a pool is probed at most once per 10 s",
  ),
  /** Whether samples of queues are taken: what histories and lists by depth, age or rate are made of. */
  QUEUE_SAMPLES: z.enum(["on", "off"]).default("on"),
  /** What the history of queues may take in the control database. Of more, the oldest goes. 0: no bound. */
  QUEUE_SAMPLES_MIB: whole(1700, 0, 1_000_000),
  /** A job fails after so many seconds without progress, for example because a pool is unreachable. */
  MAX_JOB_WAIT: whole(86_400),
  /** Seconds in which what was removed can be taken back. Until then gc frees nothing of it. 0: never. */
  UNDO_SECONDS: whole(30),
  ...problemSettings,
  ...rateSettings,
  ...retentionSettings,
  ...traceSettings,
  /** Number of server processes. They share the port. */
  WORKERS: whole(1, 1, 64),
  /** Seconds that a start waits for the database of DATABASE_URL. */
  DATABASE_WAIT: whole(0, 0, 3600),
  /** Connections of each process to each PostgreSQL pool. */
  DATABASE_CONNECTIONS: whole(16, 2, 500),
  /**
   * Size of the answers that clients have not read yet, in each process. Above it, connections that read nothing are
   * closed.
   */
  MAX_WAITING_ANSWER_BYTES: whole(256 * 1_048_576, 1),
  ...limitSettings,
} as const;

const schema = z.object(settings);

/** The names of all settings. */
export const SETTINGS: readonly string[] = Object.keys(settings);

/** Settings that a file may hold instead: the one that NAME_FILE names. */
export const SECRETS = ["DATABASE_URL", "REDIS_URL", "SECRET_KEY", "OLD_SECRET_KEY", "OIDC_CLIENT_SECRET"] as const;

/** The names of all variables that are read. */
export const SETTING_NAMES: readonly string[] = [...SETTINGS, ...SECRETS.map(fileSetting)];

export type Config = z.infer<typeof schema>;
/** The limits on requests. */
export type RequestLimits = Pick<Config, keyof typeof limitSettings>;
export type ProblemSettings = Pick<Config, keyof typeof problemSettings>;
/** What operations check and fill in. */
export type Limits = RequestLimits & ProblemSettings & Pick<Config, "TRUSTED_DOCUMENTS">;
/** What operations on people need to know. */
export type AccountSettings = Pick<Config, "SESSION_IDLE_SECONDS" | "HOST" | "PORT" | "BASE_PATH" | "PUBLIC_URL">;
export type Retention = Pick<Config, keyof typeof retentionSettings>;

/**
 * Reads and checks the settings, and the files of secrets that they name. An empty value counts as left out. A
 * ConfigError names each wrong variable, its rule and the way out.
 */
export function readConfig(environment: Readonly<Record<string, string | undefined>> = process.env): Config {
  const given = Object.fromEntries(
    SETTINGS.map((name) => [name, environment[name] === "" ? undefined : environment[name]]),
  );
  Object.assign(given, secretsInFiles(environment));
  const result = schema.safeParse(given);
  if (!result.success) {
    const lines = result.error.issues.map((issue) => `  ${issue.path.join(".")}: ${issue.message}`);
    throw new ConfigError(
      `These settings are wrong. Correct them in the environment and start again.\n${lines.join("\n")}`,
    );
  }
  const config = result.data;
  if (config.DATABASE_URL !== undefined && config.SECRET_KEY === undefined) {
    throw new ConfigError(
      "SECRET_KEY is needed when DATABASE_URL is set: it encrypts the pools' URIs. Make one with `openssl rand -base64 32` and keep it.",
    );
  }
  if (config.MAX_MESSAGES_POST_SIZE > config.MAX_ANSWER_BYTES) {
    throw new ConfigError(
      `MAX_ANSWER_BYTES is ${config.MAX_ANSWER_BYTES}, but a body may have MAX_MESSAGES_POST_SIZE, ${config.MAX_MESSAGES_POST_SIZE} bytes, and no answer could hold it. Raise the first or lower the second.`,
    );
  }
  checkReach(config);
  checkAccounts(config);
  return config.PUBLIC_URL === undefined ? config : { ...config, PUBLIC_URL: publicUrl(config.PUBLIC_URL, config) };
}

/** Who reaches the service, and who they are, has to fit. */
function checkReach({ AUTH, HOST, PUBLIC_URL, TRUST_PROXY, CORS_ORIGINS, ALLOWED_HOSTS }: Config): void {
  if (AUTH === "none" && !isLoopback(HOST)) {
    throw new ConfigError(
      `HOST is ${HOST}, but AUTH=none serves loopback only. Use 127.0.0.1, ::1 or localhost, or set AUTH=accounts.`,
    );
  }
  if (AUTH === "none" && TRUST_PROXY !== undefined) {
    throw new ConfigError(
      "TRUST_PROXY is set, but with AUTH=none whoever reaches the proxy would be admin. Set AUTH=accounts.",
    );
  }
  if (AUTH === "none" && CORS_ORIGINS !== undefined) {
    throw new ConfigError(
      "CORS_ORIGINS is set, but with AUTH=none whoever opens those pages would be admin. Set AUTH=accounts.",
    );
  }
  if (AUTH === "none" && ALLOWED_HOSTS !== undefined) {
    throw new ConfigError(
      "ALLOWED_HOSTS is set, but with AUTH=none a page that uses such a name could act as admin. Set AUTH=accounts.",
    );
  }
  if (TRUST_PROXY !== undefined && PUBLIC_URL === undefined) {
    throw new ConfigError("TRUST_PROXY needs PUBLIC_URL, the address at which browsers see the proxy.");
  }
}

function checkAccounts(config: Config): void {
  const { OIDC_ISSUER: issuer } = config;
  if (issuer !== undefined && config.OIDC_CLIENT_ID === undefined) {
    throw new ConfigError("OIDC_ISSUER needs OIDC_CLIENT_ID, which the identity provider gave to this service.");
  }
  if (issuer?.startsWith("http:") && !isLoopback(new URL(issuer).hostname)) {
    throw new ConfigError(`OIDC_ISSUER is ${issuer}, but its answers say who somebody is: it must be an https URL.`);
  }
  if ((config.OIDC_GRANTS_CLAIM === undefined) !== (config.OIDC_GRANTS === undefined)) {
    throw new ConfigError("OIDC_GRANTS_CLAIM names the claim that OIDC_GRANTS reads: set both, or neither.");
  }
  if (config.ADMIN_PASSWORD_FILE !== undefined && config.ADMIN_EMAIL === undefined) {
    throw new ConfigError("ADMIN_PASSWORD_FILE needs ADMIN_EMAIL, with which that person signs in.");
  }
}

function secretsInFiles(environment: Readonly<Record<string, string | undefined>>): Record<string, string> {
  return Object.fromEntries(
    SECRETS.flatMap((name) => {
      const file = environment[fileSetting(name)];
      if (!file) return [];
      if (environment[name]) throw new ConfigError(`Set ${name} or ${fileSetting(name)}, not both.`);
      return [[name, readSecretFile(fileSetting(name), file)]];
    }),
  );
}

function fileSetting(name: string): string {
  return `${name}_FILE`;
}

/** What a file holds, without the line break that editors add. `name`: the setting that names it. */
export function readSecretFile(name: string, file: string): string {
  let text: string;
  try {
    text = readFileSync(file, "utf8").replace(/\r?\n$/, "");
  } catch (error) {
    throw new ConfigError(`${name} is ${file}, which cannot be read: ${(error as Error).message}`);
  }
  if (text === "") throw new ConfigError(`${name} is ${file}, which is empty.`);
  return text;
}

/** The URL with BASE_PATH, which the user may have left out, and without a slash at its end. */
function publicUrl(text: string, { BASE_PATH }: Pick<Config, "BASE_PATH">): string {
  const { origin, pathname, search, hash, username, password } = new URL(text);
  const path = pathname.replace(/\/$/, "");
  if ((path !== "" && path !== BASE_PATH) || search + hash + username + password !== "") {
    throw new ConfigError(
      `PUBLIC_URL is ${text}, but the service is at ${origin}${BASE_PATH}. A path comes from BASE_PATH.`,
    );
  }
  return `${origin}${BASE_PATH}`;
}

export class ConfigError extends Error {
  override readonly name = "ConfigError";
}

export function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host === "[::1]" || /^127(\.\d{1,3}){3}$/.test(host);
}

/** The environment for a child process: this one's, with `changes`, which also count before a file of that secret. */
export function environmentForChild(changes: Record<string, string>): NodeJS.ProcessEnv {
  const replaced = SECRETS.filter((name) => name in changes).map((name) => [fileSetting(name), ""] as const);
  return { ...process.env, ...Object.fromEntries(replaced), ...changes };
}

/**
 * True when an npm script or the package's command started this process. Hazard: npm's shell does not pass signals on, and
 * nobody can pass SIGKILL on.
 */
export function hasLauncher(): boolean {
  return process.env.npm_lifecycle_event !== undefined || process.env.ISIMUD_LAUNCHED !== undefined;
}
