import { Glyph } from "../ui/glyph.tsx";
import { ScrollRegion } from "../ui/scroll-region.tsx";

/** Each role includes the one before it. */
const RIGHTS: { what: string; roles: [viewer: boolean, operator: boolean, admin: boolean]; scopes: string }[] = [
  { what: "Read queues, claims, statistics, problems, jobs and health", roles: [true, true, true], scopes: "read" },
  {
    what: "Read bodies and headers of messages in full, unless the project's rule says otherwise",
    roles: [false, true, true],
    scopes: "manage",
  },
  { what: "Post messages", roles: [false, true, true], scopes: "produce" },
  { what: "Claim, renew, release, pop and delete messages", roles: [false, true, true], scopes: "consume" },
  {
    what: "Create, change, pause, purge, move and delete queues; act on many messages; subscriptions",
    roles: [false, true, true],
    scopes: "manage",
  },
  {
    what: "Change the catalogue, who may read bodies, and tokens; read the audit log",
    roles: [false, false, true],
    scopes: "administer",
  },
  {
    what: "Only in all projects: pools, flavors, key-value stores, people, the read-only switch",
    roles: [false, false, true],
    scopes: "administer",
  },
];
const ROLES = ["Viewer", "Operator", "Admin"];

/** What each role may do in the projects that it is given for, and which scope of a token is the same. */
export function RoleTable() {
  return (
    <ScrollRegion label="What each role may do">
      <table className="w-full border-collapse">
        <caption className="sr-only">What each role may do</caption>
        <thead>
          <tr className="h-7 bg-canvas text-xs text-muted">
            <th scope="col" className="px-3 text-left font-normal">
              In its projects
            </th>
            {ROLES.map((role) => (
              <th key={role} scope="col" className="px-1.5 text-center font-normal">
                {role}
              </th>
            ))}
            <th scope="col" className="px-3 text-left font-normal max-md:hidden">
              Scope of a token
            </th>
          </tr>
        </thead>
        <tbody>
          {RIGHTS.map(({ what, roles, scopes }) => (
            <tr key={what} className="border-t border-line">
              <th scope="row" className="min-w-32 px-3 py-1.5 text-left font-normal">
                {what}
                <span className="block text-xs text-muted md:hidden">
                  Scope of a token: <span className="font-mono">{scopes}</span>
                </span>
              </th>
              {roles.map((may, index) => (
                <td key={ROLES[index]} className="px-1.5 text-center">
                  {may ? (
                    <span className="inline-flex">
                      <Glyph shape="check" ink="ok" />
                      <span className="sr-only">yes</span>
                    </span>
                  ) : (
                    <span className="text-muted">
                      <span aria-hidden>—</span>
                      <span className="sr-only">no</span>
                    </span>
                  )}
                </td>
              ))}
              <td className="px-3 font-mono text-xs max-md:hidden">{scopes}</td>
            </tr>
          ))}
        </tbody>
      </table>
    </ScrollRegion>
  );
}
