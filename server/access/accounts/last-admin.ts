/** Somebody always remains who is admin of all projects. */
import type { PeopleController } from "../../storage/people.ts";
import { type Grant, rightsOfGrants } from "../access.ts";

export const isAdminOfAll = (grants: readonly Grant[]): boolean => rightsOfGrants(grants).administer === "all";

/**
 * Whether nobody would be left without this person. In a transaction it stays so until the end, because who asks it of
 * another admin waits: of two who are lowered at once, the second is the last one.
 */
export async function isLastAdmin(people: Pick<PeopleController, "lockAdmins">, id: string): Promise<boolean> {
  const admins = await people.lockAdmins();
  return admins.length === 1 && admins[0] === id;
}
