/** The pages, as the navigation groups them. */
import { paths } from "./paths.ts";
import type { NavGroup } from "./ui/shell.tsx";

export const GROUPS: NavGroup[] = [
  {
    label: "Messaging",
    items: [
      { label: "Overview", href: paths.overview() },
      { label: "Queues", href: paths.queues(null), covers: ["^/projects/[^/]+/queues"] },
      { label: "Claims", href: paths.claims() },
      { label: "Projects", href: paths.projects() },
    ],
  },
  {
    label: "Storage",
    items: [
      { label: "Pools", href: paths.pools(), covers: ["^/pools/"] },
      { label: "Flavors", href: paths.flavors() },
      { label: "Catalogue", href: paths.catalogue() },
      { label: "Jobs", href: paths.jobs() },
      { label: "Keys", href: paths.keys() },
    ],
  },
  {
    label: "Service",
    items: [
      { label: "Health", href: paths.health() },
      { label: "Access", href: paths.access(), covers: ["^/access/"] },
      { label: "Audit", href: paths.audit() },
      { label: "Settings file", href: paths.settings() },
      { label: "GraphQL", href: paths.explorer() },
    ],
  },
];
