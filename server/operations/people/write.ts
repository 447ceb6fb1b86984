import { type Access, requireEverywhere } from "../../access/access.ts";
import { isAdminOfAll, isLastAdmin } from "../../access/accounts/last-admin.ts";
import { linkUrl, newLink, PASSWORD_LINK_SECONDS } from "../../access/accounts/link-code.ts";
import type { Action } from "../../access/needs.ts";
import { DomainError } from "../../errors.ts";
import { normaliseUuid } from "../../storage/list-pages.ts";
import { type Person, personDoesNotExist } from "../../storage/people.ts";
import { audited, permitted, type Transaction } from "../audit/audit-trail.ts";
import type { OperationContext } from "../context.ts";
import { badInput } from "../input/limits.ts";
import { checkEmail, checkGrants, checkPersonName, type GrantInput } from "./input.ts";

/** A link that lets its person choose a password, once. It is shown to the caller only. */
export interface PasswordLink {
  url: string;
  expiresAt: Date;
}

export interface PersonUpdate {
  name?: string | null;
  grants?: readonly GrantInput[] | null;
  disabled?: boolean | null;
}

export interface PersonWrites {
  /**
   * Creates a person, and a link with which that person chooses a password. No mail is sent: the caller hands the link
   * over. Audited. PERSON_ALREADY_EXISTS, BAD_INPUT.
   */
  create(
    access: Access,
    params: { email: string; name: string; grants: readonly GrantInput[] },
  ): Promise<{ person: Person; link: PasswordLink }>;
  /**
   * Changes what is given. Rights change at once, in all processes within a second. Whoever is disabled loses sessions
   * and links. Audited. PERSON_DOES_NOT_EXIST; LAST_ADMIN when nobody would be left who is admin of all projects;
   * BAD_INPUT, also for grants that the identity provider gives.
   */
  update(access: Access, params: { id: string } & PersonUpdate): Promise<Person>;
  /** Deletes the person with sessions, password and links. Safe to repeat. Audited. LAST_ADMIN. */
  delete(access: Access, params: { id: string }): Promise<{ deleted: number }>;
  /** A link with which the person chooses a new password. Earlier links of the person end. PERSON_DOES_NOT_EXIST. */
  createLink(access: Access, params: { id: string }): Promise<{ person: Person; link: PasswordLink }>;
}

export function createPersonWrites(context: OperationContext): PersonWrites {
  const { control, limits, accounts } = context;

  /** The person whom an action is about. FORBIDDEN is audited. PERSON_DOES_NOT_EXIST. */
  async function chosen(access: Access, action: Action, id: string, isOwn: (uuid: string) => boolean = () => false) {
    const uuid = normaliseUuid(id);
    await permitted(context, { access, action, project: null, target: id }, () => {
      if (uuid === null || !isOwn(uuid)) requireEverywhere(access, "administer");
    });
    const [person] = uuid === null ? [] : await control.people.getMany([uuid]);
    return person === undefined ? null : { person, trace: { access, action, project: null, target: person.email } };
  }

  async function addLink(tx: Transaction, { id }: Person, access: Access): Promise<PasswordLink> {
    const { code, digest, expiresAt } = newLink(accounts.now(), PASSWORD_LINK_SECONDS);
    await tx.people.addLink({ kind: "password", personId: id, digest, expiresAt, createdBy: access.actor });
    return { url: linkUrl(accounts.config, code), expiresAt };
  }

  return {
    async create(access, params) {
      const trace = { access, action: "createPerson" as const, project: null, target: String(params.email) };
      await permitted(context, trace, () => undefined);
      const email = checkEmail(params.email);
      const name = checkPersonName(params.name);
      const grants = checkGrants(limits, params.grants);
      return audited(context, { ...trace, target: email }, async (tx) => {
        const person = await tx.people.create({ email, name, grants });
        const link = await addLink(tx, person, access);
        return { result: { person, link }, details: { name, grants } };
      });
    },

    async update(access, { id, ...given }) {
      const found = await chosen(access, "updatePerson", id, (uuid) => uuid === access.personId && isOnlyName(given));
      if (found === null) throw personDoesNotExist();
      const changes = changesOf(given);
      return audited(context, found.trace, async (tx) => {
        const { before, after } = await change(tx, found.person.id, changes);
        return { result: after, details: { before: shown(before), after: shown(after) } };
      });
    },

    async delete(access, { id }) {
      const found = await chosen(access, "deletePerson", id);
      if (found === null) return { deleted: 0 };
      const deleted = await audited(context, found.trace, async (tx) => {
        await requireOtherAdmin(tx, found.person.id);
        const result = await tx.people.delete(found.person.id);
        return { result, details: { name: found.person.name }, changed: result };
      });
      return { deleted: deleted ? 1 : 0 };
    },

    async createLink(access, { id }) {
      const found = await chosen(access, "createPersonLink", id);
      if (found === null) throw personDoesNotExist();
      const { person, trace } = found;
      if (person.disabledAt !== null) throw badInput("id", "This person is disabled. Enable it first.");
      return audited(context, trace, async (tx) => {
        const link = await addLink(tx, person, access);
        return { result: { person, link }, details: { expiresAt: link.expiresAt } };
      });
    },
  };

  async function change(tx: Transaction, id: string, changes: ReturnType<typeof changesOf>) {
    const [before] = await tx.people.getMany([id]);
    if (before === undefined) throw personDoesNotExist();
    if (changes.grants !== undefined && before.claimed) {
      throw badInput("grants", "The identity provider gives this person's rights. Change the person's groups there.");
    }
    const lowers = changes.disabled === true || (changes.grants !== undefined && !isAdminOfAll(changes.grants));
    if (lowers) await requireOtherAdmin(tx, id);
    return { before, after: await tx.people.update(id, changes) };
  }

  function changesOf({ name, grants, disabled }: PersonUpdate) {
    return {
      ...(name === null || name === undefined ? {} : { name: checkPersonName(name) }),
      ...(grants === null || grants === undefined ? {} : { grants: checkGrants(limits, grants) }),
      ...(disabled === null || disabled === undefined ? {} : { disabled }),
    };
  }
}

const isOnlyName = ({ grants, disabled }: PersonUpdate) => (grants ?? null) === null && (disabled ?? null) === null;

const shown = ({ name, grants, disabledAt }: Person) => ({ name, grants, disabled: disabledAt !== null });

/** LAST_ADMIN for the last admin of all projects. */
async function requireOtherAdmin(tx: Pick<Transaction, "people">, id: string): Promise<void> {
  if (!(await isLastAdmin(tx.people, id))) return;
  throw new DomainError(
    "LAST_ADMIN",
    "This is the last admin of all projects. Make somebody else one first: otherwise nobody could.",
  );
}
