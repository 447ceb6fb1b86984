/** `isimud user`: makes, lists and changes people, on the database of the service. */
import { type Command, Option } from "commander";
import { type Access, ROLES, type Role } from "../access/access.ts";
import type { Engine } from "../bootstrap.ts";
import type { GrantInput } from "../operations/people/input.ts";
import type { PasswordLink } from "../operations/people/write.ts";
import type { Person } from "../storage/people.ts";
import { CommandError } from "./command-error.ts";
import { collect } from "./option-values.ts";
import { inLine, inProjects, print, printJson, tell } from "./output.ts";
import { withOwnEngine } from "./own-engine.ts";

interface RoleOptions {
  role: Role;
  project?: string[];
  name?: string;
  json?: boolean;
}

interface Outcome {
  person: Person;
  link?: PasswordLink;
  removed?: true;
}

type Work = (engine: Engine, access: Access, email: string, options: RoleOptions) => Promise<Outcome>;

export function addUser(program: Command): void {
  const user = program
    .command("user")
    .summary("Create, list and change people")
    .description(
      "Creates, lists and changes people, for a service with AUTH=accounts. " +
        "It works on the database of DATABASE_URL or DATA_DIR, whether the service runs or not.",
    );
  const role = () => new Option("--role <role>", "needed: what somebody may do").choices(ROLES).makeOptionMandatory();
  const project = ["--project <name>", "where; more than one are added up; left out: in all projects"] as const;
  const command = (name: string, description: string, work: Work) =>
    user
      .command(name)
      .description(description)
      .argument("<email>")
      .option("--json", "print JSON")
      .action(async (email: string, options: RoleOptions) => {
        show(await withOwnEngine((engine, access) => work(engine, access, email, options)), options.json);
      });
  command("add", "Create a person, and print a link, with which that person chooses a password, once.", add)
    .addOption(role())
    .option(...project, collect)
    .option("--name <name>", "what the person is called; left out: as the e-mail address begins");
  command("role", "Replace what a person may do.", changeRole)
    .addOption(role())
    .option(...project, collect);
  command("link", "Print another link to choose a password.", link);
  command("disable", "Let a person do nothing any more, and end all sessions.", (...given) => disable(given, true));
  command("enable", "Take that back.", (...given) => disable(given, false));
  command("remove", "Remove a person.", remove);
  user
    .command("list")
    .description("List all people, and what they may do.")
    .option("--json", "print JSON")
    .action(({ json }: { json?: boolean }) => withOwnEngine((engine, access) => list(engine, access, json)));
}

async function add({ operations }: Engine, access: Access, address: string, options: RoleOptions): Promise<Outcome> {
  const name = options.name ?? address.split("@", 1)[0] ?? address;
  return operations.people.create(access, { email: address, name, grants: grants(options) });
}

async function changeRole(engine: Engine, access: Access, address: string, options: RoleOptions): Promise<Outcome> {
  const { id } = await personOf(engine, address);
  return { person: await engine.operations.people.update(access, { id, grants: grants(options) }) };
}

async function link(engine: Engine, access: Access, address: string): Promise<Outcome> {
  const { id } = await personOf(engine, address);
  return engine.operations.people.createLink(access, { id });
}

async function disable([engine, access, address]: Parameters<Work>, disabled: boolean): Promise<Outcome> {
  const { id } = await personOf(engine, address);
  return { person: await engine.operations.people.update(access, { id, disabled }) };
}

async function remove(engine: Engine, access: Access, address: string): Promise<Outcome> {
  const person = await personOf(engine, address);
  await engine.operations.people.delete(access, { id: person.id });
  return { person, removed: true };
}

async function list({ operations, config }: Engine, access: Access, json?: boolean): Promise<void> {
  const people: Person[] = [];
  for (let after: string | undefined; ; ) {
    const page = await operations.people.list(access, { page: { after, limit: config.MAX_PAGE_SIZE } });
    people.push(...page.items);
    if (page.nextMarker === null) break;
    after = page.nextMarker;
  }
  if (json) return printJson(people.map(facts));
  if (people.length === 0) tell("There is nobody yet.");
  for (const person of people) print(line(person));
}

async function personOf({ control }: Engine, address: string): Promise<Person> {
  const person = await control.people.getByEmail(address.toLowerCase());
  if (person === null) throw new CommandError(`There is nobody with the address ${address}.`);
  return person;
}

function grants({ role, project }: RoleOptions): GrantInput[] {
  return [{ role, projects: project ?? null }];
}

function facts({ email, name, grants: given, methods, disabledAt, lastSeenAt }: Person): object {
  const may = given.map(({ role, projects }) => ({ role, projects: projects === "all" ? null : projects }));
  return { email, name, grants: may, methods, disabledAt, lastSeenAt };
}

function line({ email: address, name, grants: given, disabledAt, lastSeenAt, methods }: Person): string {
  const may = given.map(({ role, projects }) => `${role} in ${inProjects(projects)}`);
  const seen = lastSeenAt === null ? "never seen" : `seen ${lastSeenAt.toISOString()}`;
  const state = disabledAt !== null ? ["disabled"] : methods.length === 0 ? ["no password yet"] : [];
  return [inLine(address), inLine(name), may.join("; ") || "nothing", seen, ...state].join("  ");
}

/** A link is all that goes to the standard output. */
function show({ person, link: made, removed }: Outcome, json?: boolean): void {
  if (json) {
    const more = made && { link: made.url, linkExpiresAt: made.expiresAt };
    printJson({ ...facts(person), ...more, ...(removed && { removed }) });
  } else if (removed) print(`${inLine(person.email)} is removed.`);
  else if (made === undefined) print(line(person));
  else {
    tell(`${line(person)}\nTo choose a password, until ${made.expiresAt.toISOString()}:`);
    print(made.url);
  }
  if (made && new URL(made.url).port === "0") {
    tell("PORT is 0: write the port that the start has printed in place of :0.");
  }
}
