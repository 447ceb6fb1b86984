/** The first person, without whom nobody could make another one. */
import type { Access } from "../../access/access.ts";
import { FIRST_ADMIN_SECONDS, linkUrl, newLink } from "../../access/accounts/link-code.ts";
import { hashPassword, requireStrongPassword } from "../../access/accounts/passwords.ts";
import { type Config, readSecretFile } from "../../config.ts";
import { hasCode } from "../../errors.ts";
import type { ControlDriver, NewAuditEntry } from "../../storage/control-driver.ts";
import type { Person } from "../../storage/people.ts";
import type { PeopleOperations } from "./people.ts";

interface Parts {
  config: Config;
  control: ControlDriver;
  operations: { people: PeopleOperations };
  accounts: { now: () => Date };
}

const ADMIN = [{ role: "admin" as const }];

/**
 * For a start with AUTH=accounts: what to tell whoever reads its output, or null. While there is nobody, it makes the
 * person of ADMIN_EMAIL, or a link with which somebody becomes the first admin. Of processes that start at the same
 * time, one does it. PASSWORD_TOO_WEAK for the password in ADMIN_PASSWORD_FILE.
 */
export async function prepareFirstAdmin(parts: Parts, access: Access): Promise<string | null> {
  const { config, control, accounts } = parts;
  if (config.AUTH === "none") return null;
  if (config.ADMIN_EMAIL !== undefined) {
    return ofSettings(parts, access, config.ADMIN_EMAIL).catch((error: unknown) => {
      if (hasCode(error, "PERSON_ALREADY_EXISTS")) return null;
      throw error;
    });
  }
  if (!(await control.people.isEmpty())) return null;
  const { code, digest, expiresAt } = newLink(accounts.now(), FIRST_ADMIN_SECONDS);
  const isKept = await control.transaction(async ({ people, audit }) => {
    const link = { kind: "firstAdmin", personId: null, digest, expiresAt, createdBy: access.actor } as const;
    if (!(await people.addLink(link))) return false;
    await audit.append(entry(access, "createPersonLink", { target: "the first admin", details: { expiresAt } }));
    return true;
  });
  return isKept
    ? `Nobody can sign in yet. Open this link within a day to become the first admin:\n  ${linkUrl(config, code)}`
    : "Nobody can sign in yet. Another process that starts now prints the link for the first admin.";
}

async function ofSettings(
  { config, control, operations }: Parts,
  access: Access,
  email: string,
): Promise<string | null> {
  const { people } = operations;
  const known = await control.people.getByEmail(email);
  if (known === null ? !(await control.people.isEmpty()) : known.methods.length > 0) return null;
  const { ADMIN_PASSWORD_FILE: file } = config;
  const asGiven: Pick<Person, "email" | "name"> = { email, name: known?.name ?? email };
  if (file === undefined) {
    const { link } =
      known === null
        ? await people.create(access, { ...asGiven, grants: ADMIN })
        : await people.createLink(access, { id: known.id });
    return `${email} has no password yet. Open this link to choose one:\n  ${link.url}`;
  }
  const password = readSecretFile("ADMIN_PASSWORD_FILE", file);
  await requireStrongPassword(password, asGiven);
  const { id } = known ?? (await people.create(access, { ...asGiven, grants: ADMIN })).person;
  const hash = await hashPassword(password);
  await control.transaction(async (tx) => {
    await tx.people.setPassword(id, hash);
    await tx.audit.append(entry(access, "changePassword", { target: email, details: { from: "ADMIN_PASSWORD_FILE" } }));
  });
  return `${email} signs in with the password in ADMIN_PASSWORD_FILE.`;
}

/** Of what the service does to itself: `access` has no address. */
function entry(
  { actor, requestId }: Access,
  action: string,
  { target, details }: { target: string; details: object },
): NewAuditEntry {
  const how = { project: null, address: null, reason: null, outcome: "done" } as const;
  return { actor, requestId, action, target, ...how, detailsText: JSON.stringify(details) };
}
