import { paths } from "../paths.ts";
import { formatCount } from "../ui/format.ts";
import { JsonViewer } from "../ui/json-viewer.tsx";
import { NameLink } from "../ui/name-link.tsx";
import { Facts, Panel } from "../ui/page.tsx";
import { Instant } from "../ui/time.tsx";
import { Capabilities } from "./capabilities.tsx";
import type { PoolDetails } from "./fragments.ts";
import { uriText } from "./uri-text.ts";

const percent = (share: number) => `${(100 * share).toFixed(0)} %`;

/** What is known of a pool, besides its health and its queues. */
export function PoolAbout({ pool }: { pool: PoolDetails }) {
  return (
    <Panel title="About">
      <Facts
        items={[
          {
            label: "URI",
            value: <span className="font-mono text-xs">{uriText(pool)}</span>,
          },
          { label: "Weight", value: pool.weight ?? "fallback: gets a queue only when no registered pool takes it" },
          { label: "Flavor", value: pool.flavorName ?? "none" },
          { label: "Capabilities", value: <Capabilities names={pool.capabilities} /> },
          {
            label: "Queues",
            value: (
              <NameLink href={paths.queues(null, { pool: pool.name })}>
                {formatCount(pool.queueCount.value, pool.queueCount.exact ? "exact" : "at-least")}
              </NameLink>
            ),
          },
          ...(pool.shareNow === null
            ? []
            : [
                {
                  label: "Share",
                  value: `${percent(pool.shareNow)} of the queues of its flavor; ${percent(pool.share)} by weight`,
                },
              ]),
          ...(pool.createdAt ? [{ label: "Created", value: <Instant at={pool.createdAt} /> }] : []),
          ...(pool.updatedAt ? [{ label: "Changed", value: <Instant at={pool.updatedAt} /> }] : []),
        ]}
      />
      {pool.optionsText === "{}" ? null : (
        <div className="mt-4">
          <JsonViewer text={pool.optionsText} label="Options" />
        </div>
      )}
    </Panel>
  );
}
