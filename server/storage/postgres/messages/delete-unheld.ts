/** Deletes those of some messages that no live claim holds, and names the others. */
import { allOrNothing } from "../sql/fragments.ts";
import { uuid } from "../sql/parameter-types.ts";
import { rowOf, statement } from "../sql/statement.ts";
import { type Deletion, FOR_GOOD, KEPT } from "../undo/deleted-messages.ts";
import { lockNamed, NAMED } from "./named.ts";
import { ALIVE } from "./rows.ts";

/** `left`: ids, with commas. */
const deleteUnheldText = ({ returning, after }: Deletion) => `
    WITH ${lockNamed(
      "named",
      "m.claim_expires_at > clock.now IS TRUE AS held, m.claim_expires_at <= clock.now AS lapsed",
      `m.marker > queue.low_water AND ${ALIVE}`,
    )},
    deleted AS (
      DELETE FROM messages m WHERE m.ctid = ANY (ARRAY(SELECT n.tid FROM named n WHERE NOT n.held)) RETURNING ${returning}
    )${after}
    SELECT (SELECT count(*)::int FROM deleted) AS deleted,
      (SELECT count(*)::int FROM named n WHERE n.lapsed) AS lapsed,
      (SELECT string_agg(n.id::text, ',') FROM named n WHERE n.held) AS left,
      ${allOrNothing("SELECT count(*) FROM deleted", "SELECT count(*) FROM named n WHERE NOT n.held")}
    FROM queue`;

type UnheldRow = { deleted: number; lapsed: number; left: string | null };

export const DELETE_UNHELD = statement({
  name: "message_delete_unheld",
  parameters: NAMED,
  row: rowOf<UnheldRow>(),
  text: deleteUnheldText(FOR_GOOD),
});

export const DELETE_UNHELD_KEPT = statement({
  name: "message_delete_unheld_kept",
  parameters: { ...NAMED, undoToken: uuid },
  row: rowOf<UnheldRow>(),
  text: deleteUnheldText(KEPT),
});
