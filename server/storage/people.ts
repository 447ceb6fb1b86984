/** People, their sessions and their one-time links, in the control database. */
import type { Grant } from "../access/access.ts";
import { DomainError } from "../errors.ts";
import type { Page, PageRequest } from "./list-pages.ts";

/** How somebody may sign in. */
export type SignInMethod = "password" | "identityProvider";

export interface Person {
  id: string;
  /** In small letters. Nobody else has it. */
  email: string;
  name: string;
  grants: readonly Grant[];
  /** The identity provider gave the grants at the last sign-in, and gives them again at the next. */
  claimed: boolean;
  /** Null: may sign in. */
  disabledAt: Date | null;
  /** At most a minute behind. Null: never. */
  lastSeenAt: Date | null;
  createdAt: Date;
  /** Those that were used or set so far. Empty: only by a link, or by an identity provider that vouches for the address. */
  methods: readonly SignInMethod[];
}

export interface PersonSession {
  id: string;
  personId: string;
  /** The client's IP address when it signed in; null when that is not known. */
  address: string | null;
  userAgent: string | null;
  createdAt: Date;
  /** At most a minute behind. */
  lastSeenAt: Date;
  /** It ends then, whatever happens. */
  expiresAt: Date;
}

/** `firstAdmin`: whoever has it becomes the first admin. `password`: its person chooses a password. */
export type LinkKind = "firstAdmin" | "password";

export interface OneTimeLink {
  kind: LinkKind;
  /** Null with `firstAdmin`. */
  personId: string | null;
  expiresAt: Date;
}

/** Which sessions have not ended by themselves. */
export interface Living {
  now: Date;
  /** How long one may be idle. */
  idleSeconds: number;
}

/** People are listed by e-mail address. */
export interface PeopleController {
  /** `search`: whose address or name contains it, in any letters. */
  list(params: { page: PageRequest; search?: string }): Promise<Page<Person>>;
  /** Those that exist, in any order. */
  getMany(ids: readonly string[]): Promise<Person[]>;
  /** The address in small letters. */
  getByEmail(email: string): Promise<Person | null>;
  /** True when there is nobody. */
  isEmpty(): Promise<boolean>;
  /** PERSON_ALREADY_EXISTS. */
  create(person: { email: string; name: string; grants: readonly Grant[] }): Promise<Person>;
  /** What is left out stays. Whoever is disabled loses sessions and links. PERSON_DOES_NOT_EXIST. */
  update(id: string, changes: PersonChanges): Promise<Person>;
  /** With sessions, passwords and links. False: there is no such person. */
  delete(id: string): Promise<boolean>;
  /**
   * The ids of those who are admin of all projects and not disabled. In a transaction nobody else changes them until it
   * ends, so two admins cannot remove each other.
   */
  lockAdmins(): Promise<string[]>;
  /** The hash of the person's password. Null: there is none. */
  getPassword(id: string): Promise<string | null>;
  /**
   * Sets or replaces the password, and ends all links of the person, and all sessions but the one with the id `keep`.
   * PERSON_DOES_NOT_EXIST.
   */
  setPassword(id: string, hash: string, keep?: string): Promise<void>;

  /** Those of these people, the newest first, at most `limit` of each. */
  listSessions(personIds: readonly string[], params: Living & { limit: number }): Promise<PersonSession[]>;
  getSessions(ids: readonly string[], living: Living): Promise<PersonSession[]>;
  /** Ends these, or all of a person but `except`. How many there were. */
  endSessions(which: { ids: readonly string[] } | { personId: string; except?: string }): Promise<number>;
  /** Removes what has ended by itself: sessions, links, half sign-ins. How many rows. */
  trim(params: Living & { limit: number }): Promise<number>;

  /**
   * Keeps a link by its digest. Earlier ones of the same person are no longer valid; those of the first admin stay so,
   * because each start prints one and nobody may have read the last. False: it is not kept, because another process is
   * making the link of the first admin at the same time.
   */
  addLink(link: OneTimeLink & { digest: Uint8Array; createdBy: string }): Promise<boolean>;
  /** Null: there is none, or it is over. */
  getLink(digest: Uint8Array, now: Date): Promise<OneTimeLink | null>;
  /** The same, and it is used up. Of two callers at once, one gets it. */
  takeLink(digest: Uint8Array, now: Date): Promise<OneTimeLink | null>;
}

export interface PersonChanges {
  name?: string;
  grants?: readonly Grant[];
  claimed?: boolean;
  disabled?: boolean;
}

export function personDoesNotExist(): DomainError {
  return new DomainError("PERSON_DOES_NOT_EXIST", "There is no such person.");
}
