/** Signing in and out, passwords and one-time links: what the routes below /api/auth do. */
import { LRUCache } from "lru-cache";
import { entriesUpTo } from "../../entry-limit.ts";
import { DomainError, hasCode } from "../../errors.ts";
import { badInput, checkText } from "../../operations/input/limits.ts";
import { checkEmail, checkPersonName } from "../../operations/people/input.ts";
import type { ControlDriver } from "../../storage/control-driver.ts";
import type { OneTimeLink, Person } from "../../storage/people.ts";
import type { SessionIdentity } from "../credentials.ts";
import type { Auth } from "./auth.ts";
import { PROVIDER_ID } from "./identity-provider.ts";
import { type Answer, ask, type From, failureIn } from "./library-requests.ts";
import { linkDigest } from "./link-code.ts";
import { hashPassword, MAX_PASSWORD_LENGTH, MIN_PASSWORD_LENGTH, requireStrongPassword } from "./passwords.ts";
import type { Sessions } from "./sessions.ts";
import type { Attempt, SignInLimits } from "./sign-in-limits.ts";

export interface SignedIn {
  person: { email: string; name: string };
  cookies: string[];
}

export interface ReadLink {
  kind: OneTimeLink["kind"];
  /** Null for the first admin, who is nobody yet. */
  email: string | null;
  name: string | null;
  expiresAt: Date;
}

export interface SignIn {
  /** What the page needs to know before anybody has signed in. */
  options(): Promise<Readonly<Record<string, unknown>>>;
  /**
   * UNAUTHENTICATED, the same for a wrong password and an unknown address; FORBIDDEN; RATE_LIMITED; DEADLINE_EXCEEDED.
   */
  withPassword(params: { email: string; password: string }, from: From): Promise<SignedIn>;
  /** Where the browser goes to sign in. `next`: the path of ours to which it comes back. RATE_LIMITED. */
  atProvider(params: { next: string }, from: From): Promise<{ url: string; cookies: string[] }>;
  /** The way back: where the browser goes now. `query`: what the identity provider sent. */
  back(params: { query: string }, from: From): Promise<{ location: string; cookies: string[] }>;
  /** Ends the caller's session, if there is one. */
  out(from: From): Promise<{ cookies: string[] }>;
  /**
   * Ends all sessions and links of the person, and begins a session. UNAUTHENTICATED, BAD_INPUT, PASSWORD_TOO_WEAK,
   * RATE_LIMITED, DEADLINE_EXCEEDED. After any of these the password is as before.
   */
  changePassword(params: { current: string; wanted: string }, from: From): Promise<{ cookies: string[] }>;
  /** LINK_NOT_VALID, RATE_LIMITED. */
  readLink(params: { code: string }, from: From): Promise<ReadLink>;
  /**
   * Uses the link up, sets the password and signs in. LINK_NOT_VALID, PASSWORD_TOO_WEAK, BAD_INPUT. Without a cookie
   * when the server was too busy to sign in.
   */
  useLink(params: { code: string; password: string; email?: string; name?: string }, from: From): Promise<SignedIn>;
}

interface Parts {
  control: ControlDriver;
  sessions: Sessions;
  limits: SignInLimits;
  basePath: string;
  now: () => Date;
  /** With the identity provider or without: people with a password do not wait for it. */
  auth: () => Auth;
  /** Null where none is set. IDENTITY_PROVIDER_UNAVAILABLE. */
  provider: { name: string; auth: () => Promise<Auth>; within: <T>(work: Promise<T>) => Promise<T> } | null;
  /** Takes the cookie from the browser. */
  noCookie: string;
  warn: (message: string, error: unknown) => void;
}

export function createSignIn(parts: Parts): SignIn {
  return { ...passwords(parts), ...atProvider(parts), ...links(parts) };
}

function passwords(parts: Parts): Pick<SignIn, "options" | "withPassword" | "out" | "changePassword"> {
  const { control, limits, sessions, provider, noCookie, warn } = parts;
  const note = auditOf(parts);
  return {
    options: async () => ({
      identityProvider: provider === null ? null : { name: provider.name },
      hasPeople: !(await control.people.isEmpty()),
      minPasswordLength: MIN_PASSWORD_LENGTH,
      maxPasswordLength: MAX_PASSWORD_LENGTH,
    }),

    async withPassword({ email, password }, from) {
      const account = checkText("email", email).trim().toLowerCase();
      const attempt = { address: from.address, account };
      await limits.begin(attempt);
      try {
        const signedIn = await checked(parts, attempt, () => signedInWith(parts, { email: account, password }, from));
        await limits.succeeded(attempt);
        await note(signedIn.person.email, "signIn", "done", from);
        return signedIn;
      } catch (error) {
        if (hasCode(error, "UNAUTHENTICATED") || hasCode(error, "FORBIDDEN"))
          await note(account, "signIn", "refused", from);
        throw error;
      }
    },

    async out(from) {
      const session = await identified(sessions, from.cookie);
      if (session !== null) {
        await control.people.endSessions({ ids: [session.sessionId] });
        await note(session.actor, "signOut", "done", from);
      }
      return { cookies: [noCookie] };
    },

    async changePassword({ current, wanted }, from) {
      const person = await personOf(parts, from);
      // Before it counts: a new password that is too weak is no guess at the current one.
      await requireStrongPassword(checkText("newPassword", wanted), person);
      const attempt = { address: from.address, account: person.email };
      await limits.begin(attempt);
      const hash = await checked(parts, attempt, () => hashPassword(wanted));
      // The new session begins with the current password: whoever cannot be signed in keeps that one, and the session.
      const given = { email: person.email, password: current };
      const begun = await checked(parts, attempt, () => begunWith(parts, given, from)).catch(async (error: unknown) => {
        if (!hasCode(error, "UNAUTHENTICATED")) throw error;
        await note(person.email, "changePassword", "refused", from);
        throw badInput(
          "currentPassword",
          "The current password is wrong, or you have none here. An admin can give you a link.",
        );
      });
      await limits.succeeded(attempt);
      try {
        await control.transaction(async (tx) => {
          // With all other sessions: whoever has a copy of this one's cookie must not keep it.
          await tx.people.setPassword(person.id, hash, begun.sessionId);
          await tx.audit.append(row(person.email, "changePassword", "done", from, "{}"));
        });
      } catch (error) {
        await control.people
          .endSessions({ ids: [begun.sessionId] })
          .catch((failure: unknown) => warn("A session that nobody has could not be ended", failure));
        throw error;
      }
      return { cookies: begun.cookies };
    },
  };
}

function atProvider(parts: Parts): Pick<SignIn, "atProvider" | "back"> {
  const { provider, basePath, limits } = parts;
  const note = auditOf(parts);
  const known = () => {
    if (provider !== null) return provider;
    throw new DomainError("NOT_FOUND", "No identity provider is set here: see OIDC_ISSUER.");
  };
  return {
    async atProvider({ next }, from) {
      const { auth, within } = known();
      await limits.beginAtProvider(from.address);
      const at = { basePath, from };
      const body = {
        provider: PROVIDER_ID,
        callbackURL: `${from.origin}${safePath(next, basePath)}`,
        errorCallbackURL: `${from.origin}${basePath}/sign-in`,
        disableRedirect: true,
      };
      const { status, cookies, body: told } = await within(ask(await auth(), at, "/sign-in/social", body));
      if (status !== 200) throw new DomainError("INTERNAL", "The way to the identity provider could not be found.");
      return { url: String(told.url), cookies };
    },

    async back({ query }, from) {
      const { auth, within } = known();
      const path = `/callback/${PROVIDER_ID}${query}`;
      const { location, cookies } = await within(ask(await auth(), { basePath, from }, path));
      const failure = location === null ? "provider" : failureIn(location, from.origin);
      if (failure !== null) {
        await note("-", "signIn", "refused", from, { identityProvider: failure });
        return { location: `${basePath}/sign-in?error=${failure}`, cookies };
      }
      const session = await replaced(parts, cookies, from);
      // No session although nothing failed: the browser has another one's answer.
      if (session === null) return { location: `${basePath}/sign-in?error=provider`, cookies };
      await note(session.actor, "signIn", "done", from, { identityProvider: provider?.name });
      return { location: location as string, cookies };
    },
  };

  /** Only our own pages: another address would lend this service's name to a stranger. BASE_PATH may be left out. */
  function safePath(next: string, base: string): string {
    const url = URL.canParse(next, "http://here") ? new URL(next, "http://here") : null;
    if (url?.origin !== "http://here" || !next.startsWith("/")) return `${base}/`;
    return `${`${url.pathname}/`.startsWith(`${base}/`) ? "" : base}${url.pathname}${url.search}`;
  }
}

function links(parts: Parts): Pick<SignIn, "readLink" | "useLink"> {
  const { control, limits, now, warn } = parts;
  const note = auditOf(parts);

  async function found(code: string, from: From): Promise<{ link: OneTimeLink; person: Person | null }> {
    const attempt = { address: from.address, account: null };
    await limits.begin(attempt);
    const link = await control.people.getLink(linkDigest(checkText("code", code)), now());
    if (link === null || (link.kind === "firstAdmin" && !(await control.people.isEmpty()))) throw linkNotValid();
    await limits.succeeded(attempt);
    const [person = null] = link.personId === null ? [] : await control.people.getMany([link.personId]);
    return { link, person };
  }

  return {
    async readLink({ code }, from) {
      const { link, person } = await found(code, from);
      return { kind: link.kind, email: person?.email ?? null, name: person?.name ?? null, expiresAt: link.expiresAt };
    },

    async useLink({ code, password, ...given }, from) {
      const { person } = await found(code, from);
      const who = person ?? {
        email: checkEmail(given.email ?? ""),
        name: checkPersonName(given.name ?? ""),
      };
      await requireStrongPassword(checkText("password", password), who);
      const hash = await hashPassword(password);
      await control.transaction(async (tx) => {
        // Of two at once, one takes it.
        const link = await tx.people.takeLink(linkDigest(code), now());
        if (link === null || (link.kind === "firstAdmin" && !(await tx.people.isEmpty()))) throw linkNotValid();
        const grants = [{ role: "admin", projects: "all" } as const];
        const { id } = person ?? (await tx.people.create({ ...who, grants }));
        await tx.people.setPassword(id, hash);
        const details = JSON.stringify({ kind: link.kind });
        await tx.audit.append(row(who.email, "useLink", "done", from, details));
      });
      // The link is used up and the password is set, whatever comes of this: its person signs in with it.
      try {
        const signedIn = await signedInWith(parts, { email: who.email, password }, from);
        await note(who.email, "signIn", "done", from);
        return signedIn;
      } catch (error) {
        warn("After the use of a link its person was not signed in", error);
        return { person: { email: who.email, name: who.name }, cookies: [] };
      }
    },
  };
}

/** Runs the check of a password. When nobody could look at it in time, the attempt does not count. */
async function checked<T>({ limits }: Parts, attempt: Attempt, check: () => Promise<T>): Promise<T> {
  try {
    return await check();
  } catch (error) {
    if (hasCode(error, "DEADLINE_EXCEEDED")) await limits.unmade(attempt);
    throw error;
  }
}

function linkNotValid(): DomainError {
  return new DomainError(
    "LINK_NOT_VALID",
    "This link was used, has been replaced, or its time is over. Ask for a new one.",
  );
}

async function signedInWith(parts: Parts, given: { email: string; password: string }, from: From): Promise<SignedIn> {
  const { cookies } = await begunWith(parts, given, from);
  await replaced(parts, cookies, from);
  const person = await parts.control.people.getByEmail(given.email);
  return { person: { email: given.email, name: person?.name ?? "" }, cookies };
}

/** A new session, beside the one that the browser has. */
async function begunWith(
  parts: Parts,
  given: { email: string; password: string },
  from: From,
): Promise<{ cookies: string[]; sessionId: string }> {
  const wrong = () => new DomainError("UNAUTHENTICATED", "The e-mail address or the password is wrong.");
  if (typeof given.password !== "string" || given.password.length > MAX_PASSWORD_LENGTH) throw wrong();
  const { basePath, sessions } = parts;
  const answer: Answer = await ask(parts.auth(), { basePath, from }, "/sign-in/email", { ...given });
  if (answer.status === 403) throw new DomainError("FORBIDDEN", "This account is disabled. Ask an admin.");
  const session = answer.status === 200 ? await begunBy(sessions, answer.cookies) : null;
  if (session === null) throw wrong();
  return { cookies: answer.cookies, sessionId: session.sessionId };
}

/** The session that these cookies begin. It replaces the one that the browser had. */
async function replaced({ sessions, control }: Parts, cookies: readonly string[], from: From) {
  const session = await begunBy(sessions, cookies);
  const before = await identified(sessions, from.cookie);
  if (session !== null && before !== null) await control.people.endSessions({ ids: [before.sessionId] });
  return session;
}

const begunBy = (sessions: Sessions, cookies: readonly string[]) =>
  identified(sessions, cookies.map((cookie) => cookie.split(";", 1)[0]).join("; "));

async function identified(sessions: Sessions, cookie: string | undefined): Promise<SessionIdentity | null> {
  return sessions.identify({ headers: cookie === undefined ? {} : { cookie } });
}

async function personOf({ sessions, control }: Parts, from: From): Promise<Person> {
  const session = await identified(sessions, from.cookie);
  const [person] = session === null ? [] : await control.people.getMany([session.personId]);
  if (person === undefined) throw new DomainError("UNAUTHENTICATED", "You are not signed in, or no longer.");
  return person;
}

/** A guesser must not fill the audit log: the same refusal is written once in a minute. */
const refused = new LRUCache<string, true>({ ...entriesUpTo(10_000), ttl: 60_000 });

type Outcome = "done" | "refused";

/** Notes in the audit log. Never fails: whoever has signed in is signed in. */
function auditOf({ control, warn }: Parts) {
  return async (email: string, action: string, outcome: Outcome, from: From, more: object = {}): Promise<void> => {
    const key = JSON.stringify([email, action, from.address]);
    if (outcome === "refused" && refused.has(key)) return;
    if (outcome === "refused") refused.set(key, true);
    const details = JSON.stringify(more);
    await control.audit
      .append(row(email.slice(0, 254), action, outcome, from, details))
      .catch((error: unknown) => warn("A sign-in could not be written to the audit log", error));
  };
}

function row(email: string, action: string, outcome: Outcome, { requestId, address }: From, detailsText: string) {
  return { actor: email, requestId, address, reason: null, action, project: null, target: email, outcome, detailsText };
}
