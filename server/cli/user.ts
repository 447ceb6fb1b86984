/** `npm run user`: makes, lists and changes people, on the database of the service. */
import { type Access, ROLES, type Role } from "../access/access.ts";
import type { Engine } from "../bootstrap.ts";
import type { GrantInput } from "../operations/people/input.ts";
import type { PasswordLink } from "../operations/people/write.ts";
import { explain } from "../process/start-error.ts";
import type { Person } from "../storage/people.ts";
import { fail, readArguments } from "./arguments.ts";

const USAGE = `npm run --silent user -- add EMAIL --role ROLE [--project NAME] [--name NAME]
npm run --silent user -- role EMAIL --role ROLE [--project NAME]
npm run --silent user -- link EMAIL
npm run --silent user -- disable EMAIL | enable EMAIL | remove EMAIL
npm run --silent user -- list

Makes a person and prints a link, with which that person chooses a password, once. link prints another one.
role replaces what the person may do. disable ends all sessions too.
It works on the database of DATABASE_URL or DATA_DIR, whether the service runs or not.

  --role ROLE       ${ROLES.join(", ")}
  --project NAME    where the person has it; more than one are added up; left out: in all projects
  --name NAME       what the person is called; left out: as the e-mail address begins
  --help            this text`;

const { values, positionals } = readArguments(USAGE, {
  role: { type: "string" },
  project: { type: "string", multiple: true },
  name: { type: "string" },
});
const [command, email, ...rest] = positionals;

type Work = (engine: Engine, access: Access, email: string) => Promise<string>;

const COMMANDS: Readonly<Record<string, Work>> = {
  async add({ operations }, access, address) {
    const name = values.name ?? address.split("@", 1)[0] ?? address;
    const made = await operations.people.create(access, { email: address, name, grants: grants() });
    return `${line(made.person)}\n${shown(made.link)}`;
  },
  async role(engine, access, address) {
    const { id } = await personOf(engine, address);
    return line(await engine.operations.people.update(access, { id, grants: grants() }));
  },
  async link(engine, access, address) {
    const { id } = await personOf(engine, address);
    return shown((await engine.operations.people.createLink(access, { id })).link);
  },
  disable: (engine, access, address) => disable(engine, access, address, true),
  enable: (engine, access, address) => disable(engine, access, address, false),
  async remove(engine, access, address) {
    const { id } = await personOf(engine, address);
    await engine.operations.people.delete(access, { id });
    return `${address} is removed.`;
  },
};

async function disable(engine: Engine, access: Access, address: string, disabled: boolean): Promise<string> {
  const { id } = await personOf(engine, address);
  return line(await engine.operations.people.update(access, { id, disabled }));
}

async function list(engine: Engine, access: Access): Promise<void> {
  for (let after: string | undefined; ; ) {
    const page = await engine.operations.people.list(access, { page: { after, limit: engine.config.MAX_PAGE_SIZE } });
    if (after === undefined && page.items.length === 0) console.error("There is nobody yet.");
    for (const person of page.items) console.log(line(person));
    if (page.nextMarker === null) return;
    after = page.nextMarker;
  }
}

async function personOf({ control }: Engine, address: string): Promise<Person> {
  return (
    (await control.people.getByEmail(address.toLowerCase())) ?? fail(`There is nobody with the address ${address}.`)
  );
}

function grants(): GrantInput[] {
  const role = ROLES.find((known): known is Role => known === values.role);
  if (role === undefined) return fail(`--role must be one of ${ROLES.join(", ")}.\n\n${USAGE}`);
  return [{ role, projects: values.project ?? null }];
}

function line({ email: address, name, grants: given, disabledAt, lastSeenAt, methods }: Person): string {
  const may = given.map(
    ({ role, projects }) => `${role} in ${projects === "all" ? "all projects" : projects.join(", ")}`,
  );
  const seen = lastSeenAt === null ? "never seen" : `seen ${lastSeenAt.toISOString()}`;
  const state = disabledAt !== null ? ["disabled"] : methods.length === 0 ? ["no password yet"] : [];
  return [address, name, may.join("; ") || "nothing", seen, ...state].join("  ");
}

const shown = ({ url, expiresAt }: PasswordLink) => `To choose a password, until ${expiresAt.toISOString()}:\n  ${url}`;

try {
  const { withOwnEngine } = await import("./own-engine.ts");
  const act = COMMANDS[command ?? ""];
  if (command === "list" && email === undefined) await withOwnEngine(list);
  else if (act === undefined || email === undefined || rest.length > 0) fail(USAGE);
  else console.log(await withOwnEngine((engine, access) => act(engine, access, email)));
} catch (error) {
  fail(explain(error));
}
